// The style of /docs. One constant text, so that the page's policy can name its hash and allow
// nothing else.

export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfaf7; --card: #ffffff; --line: #e4e0d6; --text: #22252b; --soft: #666b75;
  --accent: #0b6e5b; --accent-text: #ffffff; --code: #f3f1ea; --warn: #a3431f;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171b; --card: #1b1f25; --line: #2d333c; --text: #e5e7ea; --soft: #9aa2ae;
    --accent: #5fd3b4; --accent-text: #0d1f1a; --code: #22272e; --warn: #f0a58a;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0 auto; max-width: 54rem; padding: 2.5rem 1.25rem 6rem; background: var(--back);
  color: var(--text); font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
h1 { font-size: 2.2rem; line-height: 1.15; letter-spacing: -.02em; margin: 0; }
h1 small { font-size: .9rem; font-weight: 400; letter-spacing: 0; color: var(--soft); }
h2 { font-size: 1.25rem; margin: 3rem 0 .25rem; letter-spacing: -.01em; }
h3 { font-size: 1.05rem; margin: 0; }
h4 {
  font-size: .8rem; margin: 1.4rem 0 .4rem; color: var(--soft); text-transform: uppercase;
  letter-spacing: .06em;
}
p { margin: .5rem 0; }
.soft { color: var(--soft); }
nav ul {
  list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 1.5rem 0 0;
}
nav a {
  display: block; padding: .3rem .75rem; border: 1px solid var(--line); border-radius: 99rem;
  background: var(--card); text-decoration: none; font: .85rem var(--mono);
}
nav a:hover { border-color: var(--accent); }
article, .errors {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem 1.4rem; margin: 1rem 0;
}
article:target, tr:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
article header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .7rem; }
.method {
  font: 700 .75rem var(--mono); background: var(--accent); color: var(--accent-text);
  padding: .2rem .5rem; border-radius: 6px;
}
code, pre { font-family: var(--mono); font-size: .85rem; }
header code { font-size: 1rem; font-weight: 600; }
pre {
  background: var(--code); border-radius: 8px; padding: .8rem 1rem; margin: .4rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5;
}
form { display: grid; gap: .8rem; margin: .4rem 0 .8rem; }
label { display: grid; gap: .25rem; font-weight: 600; font-size: .9rem; }
label span { font-weight: 400; color: var(--soft); }
input {
  font: .95rem var(--mono); padding: .55rem .7rem; border: 1px solid var(--line);
  border-radius: 8px; background: var(--back); color: var(--text); width: 100%;
}
button {
  justify-self: start; font: 600 .95rem system-ui, sans-serif; padding: .55rem 1.4rem; border: 0;
  border-radius: 8px; background: var(--accent); color: var(--accent-text); cursor: pointer;
}
button:hover { filter: brightness(1.08); }
iframe {
  width: 100%; height: 13rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--code); resize: vertical;
}
summary { cursor: pointer; color: var(--accent); font-size: .95rem; margin-top: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td {
  text-align: left; padding: .45rem .6rem .45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top;
}
tr:last-child td { border-bottom: 0; }
tr:target td { color: var(--warn); }
.scroll { overflow-x: auto; }
@media (max-width: 40rem) {
  body { padding: 1.5rem .9rem 4rem; }
  article, .errors { padding: 1rem; }
  .errors thead { position: absolute; left: -999rem; }
  .errors tr {
    display: grid; grid-template-columns: 1fr auto; column-gap: .8rem; padding: .55rem 0;
    border-bottom: 1px solid var(--line);
  }
  .errors tr:last-child { border-bottom: 0; }
  .errors td { border: 0; padding: .05rem 0; overflow-wrap: anywhere; }
  .errors td:nth-child(n + 3) { grid-column: 1 / -1; }
  .errors td:last-child { color: var(--soft); }
  .errors td:last-child::before { content: "Try again? "; }
}
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
`;
