"""The look of the tear sheet: one sheet and one short script within the page, light and dark, narrow and on paper."""

from __future__ import annotations

from typing import Final

__all__ = ["ICON", "SCRIPT", "STYLE"]

ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' "
    "rx='7' fill='%2310202f'/%3E%3Cpath d='M4 21c6 0 7-12 12-12s5 9 12 9' fill='none' stroke='%235cb0ec' "
    "stroke-width='3' stroke-linecap='round'/%3E%3Cpath d='M4 24h24' stroke='%23e0672c' stroke-width='2'/%3E%3C/svg%3E"
)

STYLE: Final = """
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#18212c;--soft:#566270;--line:#dfe4ea;--accent:#1f66a8;
--main:#1f66a8;--other:#7d8794;--loss:#c4480e;--good:#17704f;--warn:#8a5a00;--mark:#f5b700;--up:43,140,214;
--down:224,103,44}
@media(prefers-color-scheme:dark){:root{--bg:#0e1319;--card:#151c24;--ink:#e6ecf3;--soft:#9aa7b6;--line:#26313d;
--accent:#6bb3ee;--main:#5cb0ec;--other:#93a0ae;--loss:#f19a6a;--good:#63c9a0;--warn:#f0b95a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
.assume{background:var(--card);border-bottom:1px solid var(--line);color:var(--soft);padding:.5rem 1rem;
font-size:.82rem;overflow-wrap:anywhere}
main{max-width:72rem;margin:0 auto;padding:1.2rem 1rem 4rem;display:grid;gap:1rem;grid-template-columns:minmax(0,1fr)}
header{display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:center}
h1{font-size:1.6rem;line-height:1.2;margin:0;font-weight:650;overflow-wrap:anywhere}
.sim{background:var(--mark);color:#1a1400;font-weight:700;letter-spacing:.06em;font-size:.75rem;padding:.15rem .55rem;
border-radius:.25rem}
.alert{border-left:4px solid var(--mark);background:var(--card);padding:.55rem .9rem;border-radius:.3rem;
overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem 1.1rem 1.1rem;min-width:0;
display:grid;gap:.9rem;grid-template-columns:minmax(0,1fr)}
h2{font-size:1.05rem;margin:0;font-weight:650}
h3{font-size:.88rem;margin:0 0 .35rem;font-weight:600}
p{margin:0;overflow-wrap:anywhere}.soft{color:var(--soft)}.warn{color:var(--warn)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:.8rem 1.2rem;margin:0}
.facts dt{color:var(--soft);font-size:.78rem}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts .v{font-size:1.28rem;line-height:1.3;font-weight:600;overflow-wrap:break-word}
.facts .s{color:var(--soft);font-size:.78rem}
.facts .good,.good{color:var(--good)}.facts .loss,.loss{color:var(--loss)}.facts .warn{color:var(--warn)}
.wide{overflow-x:auto;scrollbar-width:thin}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th{font-weight:500;color:var(--soft);text-align:left;white-space:nowrap}
th,td{padding:.28rem .7rem .28rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th.r,td.r{text-align:right;white-space:nowrap}
td.l{min-width:min(19rem,60vw)}
tr:last-child>td{border-bottom:0}
th:last-child,td:last-child{padding-right:0}
figure{margin:0;min-width:0}
.plot{position:relative;height:9.5rem;margin:0 0 1.4rem 3.6rem;border-bottom:1px solid var(--line)}
.plot.tall{height:18rem}
.plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.plot path{fill:none;stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.plot .g{stroke:var(--line);stroke-width:1}.plot .z{stroke:var(--soft);stroke-width:1}
.plot .main{stroke:var(--main)}.plot .other{stroke:var(--other);stroke-width:1.3}.plot .loss{stroke:var(--loss)}
.plot .plain{stroke:var(--soft)}.plot .good{stroke:var(--good)}.plot .warn{stroke:var(--warn)}
.plot .f{stroke:none;opacity:.16}.plot .f.main{fill:var(--main)}.plot .f.loss{fill:var(--loss)}
.y,.x{position:absolute;color:var(--soft);font-size:.72rem;white-space:nowrap}
.y{right:100%;transform:translate(-.45rem,50%)}
.x{top:100%;transform:translate(-50%,.3rem)}
.keys{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.8rem;color:var(--soft);margin-bottom:.35rem}
.keys i{display:inline-block;width:1rem;height:.18rem;border-radius:.1rem;margin-right:.4rem;vertical-align:.22rem}
.k-main{background:var(--main)}.k-loss{background:var(--loss)}.k-plain{background:var(--soft)}
.k-other{background:var(--other)}
.k-good{background:var(--good)}.k-warn{background:var(--warn)}
.at{position:absolute;top:0;bottom:0;width:1px;background:var(--soft);pointer-events:none}
.tip{position:absolute;top:.2rem;background:var(--ink);color:var(--card);font-size:.75rem;line-height:1.4;
padding:.25rem .5rem;border-radius:.3rem;white-space:pre;pointer-events:none;z-index:2}
.bars{display:grid;grid-template-columns:minmax(5rem,auto) minmax(0,1fr) auto;gap:.28rem .8rem;align-items:center;
font-size:.85rem}
.bars .t{position:relative;height:1.05rem}
.bars .t::before{content:"";position:absolute;left:var(--o);top:-.14rem;bottom:-.14rem;width:1px;background:var(--soft)}
.bars .b{position:absolute;top:0;bottom:0;border-radius:.15rem;background:var(--main)}
.bars .b.neg{background:var(--loss)}.bars .n{text-align:right;white-space:nowrap}
.months td,.months th{text-align:right;padding:.3rem .45rem;white-space:nowrap}
.months td:first-child,.months th:first-child{text-align:left}
.months .yr{font-weight:600}
.share{display:flex;height:1.35rem;border-radius:.3rem;overflow:hidden;gap:1px}
.share span{min-width:2px}
.legend{display:flex;flex-wrap:wrap;gap:.1rem .9rem;font-size:.78rem;color:var(--soft);margin:.25rem 0 .5rem}
.legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin-right:.35rem;vertical-align:-1px}
.c0{background:#2b8cd6}.c1{background:#e0672c}.c2{background:#7d8794}.c3{background:#2a8f6b}.c4{background:#b07cd8}
.c5{background:#c9a227}.c6{background:#5b6b7d}
footer{color:var(--soft);font-size:.8rem}
@media(max-width:46rem){main{padding:.8rem .6rem 3rem}section{padding:.8rem .8rem .9rem}h1{font-size:1.3rem}
.facts{grid-template-columns:repeat(2,minmax(0,1fr))}.facts .v{font-size:1.1rem}.plot{margin-left:3rem}
.plot.tall{height:13rem}.x.odd{display:none}}
@media print{body{background:#fff}section{break-inside:avoid;border-color:#ccc}}
"""

SCRIPT: Final = """
for(const plot of document.querySelectorAll('.plot[data-t]')){
const times=JSON.parse(plot.dataset.t),rows=JSON.parse(plot.dataset.v),names=JSON.parse(plot.dataset.n);
const first=times[0],span=times[times.length-1]-first||1;let line,tip;
plot.addEventListener('pointermove',event=>{
const box=plot.getBoundingClientRect(),want=first+span*Math.min(1,Math.max(0,(event.clientX-box.left)/box.width));
let low=0,high=times.length-1;
while(high-low>1){const middle=(low+high)>>1;if(times[middle]<want)low=middle;else high=middle}
const at=want-times[low]<times[high]-want?low:high;
if(!line){line=plot.appendChild(document.createElement('div'));line.className='at';
tip=plot.appendChild(document.createElement('div'));tip.className='tip'}
const place=(times[at]-first)/span;line.style.left=place*100+'%';
tip.textContent=[new Date(times[at]*1000).toISOString().slice(0,16).replace('T',' ')+' UTC',
...names.map((name,i)=>name+'  '+rows[i][at])].join('\\n');
tip.style.left=place<.5?place*100+'%':'auto';tip.style.right=place<.5?'auto':(1-place)*100+'%';
tip.style.marginInline='.5rem'});
plot.addEventListener('pointerleave',()=>{line?.remove();tip?.remove();line=tip=undefined})}
"""
