"""The look of the page: one sheet, no framework, light and dark."""

from __future__ import annotations

__all__ = ["FAVICON", "STYLE"]

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#10202f"/>'
    '<path d="M4 21c6 0 7-12 12-12s5 9 12 9" fill="none" stroke="#5cb0ec" stroke-width="3" stroke-linecap="round"/>'
    '<path d="M4 24h24" stroke="#e0672c" stroke-width="2"/></svg>'
)

STYLE = """
body{--bg:#f4f6f8;--card:#fff;--ink:#18212c;--soft:#566270;--line:#dfe4ea;--accent:#1f66a8;--hover:#eaf0f6;
  --long:#0f62a8;--short:#b3440f;--bad:#a3231a;background:var(--bg);color:var(--ink);
  font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
body.body--dark{--bg:#0e1319;--card:#151c24;--ink:#e6ecf3;--soft:#9aa7b6;--line:#26313d;--accent:#6bb3ee;
  --hover:#1d2731;--long:#6bb3ee;--short:#f19a6a;--bad:#ff9a8f}
.nicegui-content{padding:0;gap:0;max-width:none;width:100%;display:block}
.hf-top{position:sticky;top:0;z-index:20;display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:center;
  padding:.5rem 1rem;background:var(--card);border-bottom:1px solid var(--line);width:100%}
.hf-brand{font-weight:650;letter-spacing:.01em}
.hf-space{flex:1 1 auto}
.hf-age{color:var(--soft)}
.hf-mark{background:#f5b700;color:#1a1400;font-weight:700;letter-spacing:.06em;font-size:.75rem;
  padding:.12rem .5rem;border-radius:.25rem}
.hf-badge{border:1px solid currentColor;color:var(--bad);font-weight:600;font-size:.75rem;padding:.08rem .45rem;
  border-radius:.25rem}
.hf-live{color:var(--long)}
.hf-plain{background:none;border:1px solid var(--line);color:var(--soft);border-radius:.35rem;padding:.15rem .55rem;
  font:inherit;font-size:.8rem;cursor:pointer}
.hf-plain:hover{background:var(--hover)}
.hf-note{padding:.45rem 1rem;background:#a3231a;color:#fff;width:100%}
.hf-shell{display:grid;grid-template-columns:15.5rem minmax(0,1fr);width:100%;align-items:start}
.hf-side{position:sticky;top:3rem;max-height:calc(100vh - 3rem);overflow-y:auto;padding:1rem .6rem 1rem 1rem}
.hf-main{padding:1rem 1rem 3rem .6rem;min-width:0;display:grid;gap:.9rem}
.hf-search{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
  border-radius:.4rem;padding:.35rem .6rem;margin-bottom:.5rem}
.hf-rows{display:grid;gap:.25rem}
.hf-row{display:grid;grid-template-columns:1fr auto;gap:0 .6rem;text-align:left;width:100%;font:inherit;color:inherit;
  background:none;border:1px solid transparent;border-radius:.45rem;padding:.35rem .6rem;cursor:pointer}
.hf-row:hover{background:var(--hover)}
.hf-row[aria-current=true]{background:var(--card);border-color:var(--line);box-shadow:inset 3px 0 var(--accent)}
.hf-row b{font-weight:600}
.hf-row small{color:var(--soft);font-size:.78rem}
.hf-row .r{text-align:right}
.hf-row.old b::after{content:" stale";color:var(--bad);font-weight:600;font-size:.7rem}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.hf-head{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .8rem}
.hf-head h1{font-size:1.5rem;line-height:1.2;font-weight:650;margin:0}
.hf-head .spot{font-size:1.5rem;line-height:1.2}
.hf-head .how{color:var(--soft);overflow-wrap:anywhere}
.hf-tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:.6rem}
.hf-tile,.hf-card{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
.hf-tile{padding:.55rem .75rem;min-width:0}
.hf-tile .n{color:var(--soft);font-size:.78rem}
.hf-tile .v{font-size:1.28rem;line-height:1.3;font-weight:600;overflow-wrap:anywhere}
.hf-tile .s{color:var(--soft);font-size:.78rem;min-height:1.1em;overflow-wrap:anywhere}
.hf-tile .v.long{color:var(--long)}.hf-tile .v.short{color:var(--short)}
.hf-card{padding:.75rem .8rem;min-width:0}
.hf-card h2{font-size:.98rem;line-height:1.3;font-weight:650;margin:0}
.hf-card .c{color:var(--soft);font-size:.8rem;overflow-wrap:anywhere}
.hf-two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.9rem}.hf-two.top{align-items:start}
.hf-plot{width:100%;height:26rem;margin-top:.3rem}.hf-plot.tall{height:31rem}
.hf-plot text{fill:var(--soft)!important}
.hf-plot .annotation-text{fill:var(--ink)!important}
.hf-plot .hovertext text{fill:#fff!important}
.hf-keys{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.8rem;color:var(--soft)}
.hf-keys i{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin-right:.35rem;vertical-align:-1px}
.hf-table{width:100%;border-collapse:collapse;font-size:.85rem;margin-top:.4rem}
.hf-table th{font-weight:500;color:var(--soft);text-align:left}
.hf-table th,.hf-table td{padding:.22rem .5rem .22rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.hf-table td.r{overflow-wrap:anywhere}
.hf-table .r{text-align:right}
.hf-table tr:last-child>*{border-bottom:0}
.hf-tabs{display:flex;gap:.25rem;overflow-x:auto;border-bottom:1px solid var(--line);scrollbar-width:thin}
.hf-tabs button{background:none;border:0;border-bottom:2px solid transparent;color:var(--soft);font:inherit;
  padding:.35rem .7rem;cursor:pointer;white-space:nowrap}
.hf-tabs button:hover{background:var(--hover)}
.hf-tabs button:focus-visible{outline-offset:-2px}
.hf-tabs button[aria-current=true]{color:var(--ink);font-weight:600;border-bottom-color:var(--accent)}
.hf-panel{display:grid;gap:.9rem;min-width:0;grid-template-columns:minmax(0,1fr)}
.hf-panels{position:relative;min-width:0}
.hf-panel.away{position:absolute;inset:0 0 auto 0;height:0;overflow:hidden;visibility:hidden}
.hf-scroll{overflow-x:auto}
.hf-table small{display:block;color:var(--soft);font-size:.78rem;line-height:1.3}
.hf-table td.u{color:var(--soft);font-size:.78rem;white-space:nowrap;padding-left:.3rem}
.hf-table .n,.hf-table td.n~td{white-space:nowrap;overflow-wrap:normal}
.hf-table abbr{text-decoration:none}
.hf-card h3{font-size:.85rem;line-height:1.3;font-weight:600;margin:.7rem 0 0}
.hf-columns{columns:2;column-gap:2rem}
.hf-columns tr{break-inside:avoid}.hf-columns h3{break-after:avoid}.hf-columns .hf-scroll{overflow:visible}
.hf-columns table{table-layout:fixed}.hf-columns th{width:46%}.hf-columns td.u{width:26%}
.hf-empty{padding:28vh 1rem 4rem;text-align:center;color:var(--soft);width:100%}
@media (max-width:60rem){.hf-columns{columns:1}.hf-tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
  .hf-two{grid-template-columns:minmax(0,1fr)}}
@media (max-width:46rem){.hf-shell{grid-template-columns:minmax(0,1fr)}
  .hf-side{position:static;max-height:12.5rem;padding:.7rem .7rem 0}.hf-main{padding:.8rem .7rem 3rem}
  .hf-rows{grid-template-columns:repeat(2,minmax(0,1fr))}
  .hf-top{padding:.45rem .6rem;gap:.3rem .35rem}.hf-age{font-size:.8rem}.hf-plot{height:24rem}
  .hf-plot.tall{height:28rem}.hf-card{padding:.65rem .55rem}}
@media (prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
"""
