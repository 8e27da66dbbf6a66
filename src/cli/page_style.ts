/**
 * The style of the page. Cobalt always means the browser, jade the server, and cinnabar a failure.
 *
 * @module
 */

/** CSS for the browser. */
export const PAGE_STYLE: string = `
:root {
  --paper: #f8f9f7; --raised: #fff; --ink: #131a2c; --dim: #5a6372; --line: #d8dde0;
  --browser: #2d4bb0; --browser-wash: #e4e9fa; --server: #0c7f63; --server-wash: #daf1e8;
  --fault: #b3321c; --fault-wash: #fbe5df;
  --step: clamp(1.2rem, 14vw, 10rem);
  --sans: system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --song: "Songti SC", STSong, "Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", SimSun, serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1320; --raised: #151c2d; --ink: #e9ecf4; --dim: #98a2b5; --line: #2a3347;
    --browser: #a3b5ff; --browser-wash: #222d58; --server: #6ad3b2; --server-wash: #123c34;
    --fault: #ff9a84; --fault-wash: #47201b;
  }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 var(--sans); }
main, footer { max-width: 62rem; margin: 0 auto; padding: 0 clamp(1.1rem, 5vw, 3rem); }
h1, h2, p, dl, dd, ol, ul, pre { margin: 0; padding: 0; }
[hidden] { display: none !important; }
a { color: inherit; text-decoration-color: var(--dim); text-underline-offset: .2em; }
code, pre, dd { font-family: var(--mono); }
code { font-size: .9em; }
:focus-visible { outline: 3px solid var(--browser); outline-offset: 3px; }

header { display: grid; grid-template-columns: 1fr auto; align-items: center; gap: 2rem; padding: clamp(3rem, 9vw, 6.5rem) 0 clamp(2.5rem, 6vw, 4.5rem); }
header noscript { grid-column: 1 / -1; }
h1 { font-weight: inherit; line-height: 1; }
#headline { display: block; font: 600 clamp(3.6rem, 12.5vw, 8rem)/1.08 var(--song); letter-spacing: .02em; margin-left: -.04em; }
#subline { display: block; font-size: clamp(1.25rem, 3.2vw, 1.9rem); letter-spacing: -.01em; margin-top: .7rem; }
#gist { color: var(--dim); max-width: 34rem; margin-top: .7rem; }
.tally { order: 2; width: clamp(5.5rem, 20vw, 13.5rem); overflow: visible; }
.tally path { stroke: var(--paper); stroke-width: 3; transition: transform .7s cubic-bezier(.2, .8, .2, 1), fill .4s; }
.tally path:first-child { fill: var(--browser); transform: translateX(-13px); }
.tally path:last-child { fill: var(--line); transform: translateX(13px); }
[data-state=succeeded] .tally path { transform: none; }
[data-state=succeeded] .tally path:last-child { fill: var(--server); }
[data-state=failed] .tally path:last-child { fill: var(--fault); }
[data-state=failed] #subline { color: var(--fault); }

section > h2, article > h2 { font-size: 1.2rem; font-weight: 650; letter-spacing: -.01em; }
section > h2 + p, article > h2 + p { color: var(--dim); max-width: 40rem; }
#refusal { border-left: 4px solid var(--fault); padding: .2rem 0 .2rem 1.4rem; margin-bottom: 3.5rem; }
#refusal > #refusal-message { color: var(--ink); font-size: 1.1rem; margin-top: .3rem; overflow-wrap: anywhere; }
.reference { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; color: var(--dim); margin-top: .6rem; font-size: .95rem; }
.reference code { color: var(--fault); }

article { position: relative; padding: 1.6rem 0 3.2rem; }
article::before { content: ""; position: absolute; top: 0; left: 0; right: 0; border-top: 2px solid var(--tone); }
article::after { content: ""; position: absolute; top: -5px; width: 10px; height: 10px; border: solid var(--tone); border-width: 2px 2px 0 0; }
.from-browser { --tone: var(--browser); }
.from-browser::after { right: 1px; transform: rotate(45deg); }
.in-server, .from-server { --tone: var(--server); }
.in-server::after { right: 0; width: 12px; height: 12px; border: 0; border-radius: 50%; background: var(--tone); }
.from-server::after { left: 1px; transform: rotate(-135deg); }
[data-state=failed] .from-server { --tone: var(--fault); }
article > h2 { color: var(--tone); }
.in-server, .from-server { margin-left: var(--step); }
.from-browser { margin-right: var(--step); }
.from-browser::before { right: calc(-1 * var(--step)); }
.from-browser::after { right: calc(1px - var(--step)); }
.from-server::before { left: calc(-1 * var(--step)); }
.from-server::after { left: calc(1px - var(--step)); }

pre, dl { margin-top: 1.1rem; font-size: .86rem; line-height: 1.75; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.line { display: block; padding-left: 2ch; text-indent: -2ch; }
.start { font-weight: 650; }
.quiet { color: var(--dim); }
.body { margin-top: 1.1em; padding: 0; text-indent: 0; }
mark { color: var(--ink); padding: .16em .38em; margin: 0 -.1em; border-radius: .25em; box-decoration-break: clone; -webkit-box-decoration-break: clone; text-indent: 0; }
mark.key { background: var(--browser-wash); }
mark.accept { background: var(--server-wash); }
mark.culprit { background: var(--fault-wash); }
dl > div { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 1rem; padding: .35rem 0; }
dt { color: var(--dim); font: inherit; font-family: var(--mono); white-space: nowrap; }
dd { overflow-wrap: anywhere; }

#talk, #try { border-top: 1px solid var(--line); padding: 1.6rem 0 3rem; }
#messages { margin: 1rem 0; max-height: 15rem; overflow-y: auto; }
#messages p { display: grid; grid-template-columns: 1.6rem 1fr; overflow-wrap: anywhere; white-space: pre-wrap; }
#messages p::before { content: attr(data-sign); color: var(--tone, var(--dim)); font-family: var(--mono); }
.sent { --tone: var(--browser); }
.received { --tone: var(--server); }
.ended { color: var(--dim); }
form { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem .8rem; max-width: 34rem; }
label { color: var(--dim); }
input { flex: 1 1 9rem; min-width: 0; }
input, button { font: inherit; color: inherit; padding: .5rem .9rem; border: 1px solid var(--dim); border-radius: .4rem; background: var(--raised); }
button { cursor: pointer; font-weight: 550; }
button:hover { border-color: var(--ink); }
button:disabled { opacity: .5; cursor: default; }
form button { background: var(--browser); border-color: var(--browser); color: var(--paper); }
#try ul { list-style: none; margin-top: 1.1rem; display: grid; grid-template-columns: max-content 1fr; gap: .8rem 1.4rem; }
#try li { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; gap: .3rem 1.4rem; align-items: center; }
#try li span { color: var(--dim); }
footer { color: var(--dim); font-size: .92rem; padding-top: 1.4rem; padding-bottom: 3rem; display: flex; flex-wrap: wrap; gap: .3rem 2.5rem; justify-content: space-between; }
footer code { color: var(--ink); overflow-wrap: anywhere; }

@media (max-width: 40rem) {
  :root { --step: 1.2rem; }
  header { grid-template-columns: 1fr; gap: 1.6rem; }
  .tally { order: -1; margin-left: -.4rem; }
  dl > div { grid-template-columns: 1fr; }
  #try ul, #try li { grid-template-columns: 1fr; }
  #try button { text-align: left; }
  #try ul { gap: 1.2rem; }
}
@media (prefers-reduced-motion: reduce) {
  .tally path { transition: none; }
}
`;
