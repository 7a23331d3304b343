"""How the page of the quality report looks: no font, script or picture from elsewhere; narrow screens too."""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root { color-scheme: light dark; --bg: #fbfaf8; --ink: #1d2430; --dim: #667085; --line: #d9dce3; --card: #fff;
  --error: #b42318; --warning: #93600a; --info: #475467; --good: #2f7d4f; }
@media (prefers-color-scheme: dark) { :root { --bg: #12161d; --ink: #e6e9ef; --dim: #98a2b3; --line: #2b3340;
  --card: #1a202a; --error: #ff8a7a; --warning: #f0b95a; --info: #a9b4c4; --good: #6fcf97; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
i { font-style: normal; color: var(--dim); } .dim { color: var(--dim); margin: .2rem 0 .6rem; }
ul { list-style: none; margin: 0; padding: 0; } summary { cursor: pointer; }
.totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: 1.2rem 0; }
.totals div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.totals dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.totals dt { color: var(--dim); }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
.pill { border: 1px solid currentColor; border-radius: 1rem; padding: 0 .5rem; font-size: .78rem; text-align: center;
  align-self: start; margin-top: .12rem; white-space: nowrap; }
.n, .score { font-variant-numeric: tabular-nums; }
.findings > li { display: grid; grid-template-columns: 5rem 9rem 15rem 1fr; gap: .2rem .8rem; padding: .45rem 0;
  border-bottom: 1px solid var(--line); }
.examples { color: var(--dim); font-size: .85rem; } .examples li { font-family: ui-monospace, monospace; }
.series, .clean { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .4rem 0;
  padding: .5rem .8rem; }
.series > summary { display: grid; grid-template-columns: 1fr auto 7rem 3.6rem; gap: .2rem .8rem;
  align-items: center; }
.series[open] > summary { margin-bottom: .4rem; }
.counts { display: flex; gap: .3rem; } .name .pill { margin-left: .5rem; }
meter { width: 100%; height: .9rem; } .score { text-align: right; }
.places { margin-top: .6rem; } .places li { padding: .15rem 0; border-bottom: 1px dotted var(--line); }
.clean { margin-top: 1.4rem; }
@media (max-width: 46rem) {
  main { padding-top: 1.2rem; } .totals { grid-template-columns: 1fr 1fr; }
  .findings > li { grid-template-columns: auto 1fr; } .findings .n, .reason { grid-column: 1 / -1; }
  .series > summary { grid-template-columns: 1fr auto; } .series .name { grid-column: 1 / -1; }
  .series meter { grid-column: 1; } .series .counts { grid-column: 1 / -1; }
}
"""
