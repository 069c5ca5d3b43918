// The fixed parts of the picture: how it looks and the few lines that make it answer to a pointer
// and to the keyboard. Nothing is loaded from anywhere.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2530; --faint: #667080; --line: #e3e7ec;
  --placed: #dbe9fb; --placed-ink: #0f3a6d; --placed-line: #6c9bd2;
  --open: #eef0f3; --open-ink: #4a5361; --open-line: #b4bcc7;
  --stuck: #fde0dd; --stuck-ink: #8a1408; --stuck-line: #d9402f;
  --path: #e0851a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e4e9ef; --faint: #98a3b1; --line: #2a313a;
    --placed: #1c3553; --placed-ink: #cfe2fa; --placed-line: #4f83bf;
    --open: #262c34; --open-ink: #b3bdc9; --open-line: #4b5562;
    --stuck: #5a1d18; --stuck-ink: #ffd9d4; --stuck-line: #ef6a5a;
    --path: #f0a64a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 24px 24px 96px; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif;
}
h1 { font-size: 20px; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 28px 0 8px; }
p { margin: 0 0 8px; max-width: 80ch; }
code, .op, td { font-family: ui-monospace, monospace; font-size: 12px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); margin-top: 16px; }
.board { position: relative; }
.lane { position: absolute; left: 0; right: 0; height: 34px; border-top: 1px solid var(--line); }
.lane b {
  position: sticky; left: 0; display: inline-block; width: 52px; padding: 8px 6px;
  background: var(--paper); color: var(--faint); font-weight: 500; font-size: 12px; z-index: 3;
}
.op {
  position: absolute; height: 24px; line-height: 22px; padding: 0 4px; border: 1px solid;
  border-radius: 3px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
  cursor: default;
}
.op:hover, .op:focus { outline: 2px solid var(--path); outline-offset: 1px; z-index: 2; }
.placed { background: var(--placed); color: var(--placed-ink); border-color: var(--placed-line); }
.left { background: var(--open); color: var(--open-ink); border-color: var(--open-line); }
.stuck { background: var(--stuck); color: var(--stuck-ink); border: 2px solid var(--stuck-line); }
.pending { border-right-style: dashed; border-top-right-radius: 0; border-bottom-right-radius: 0; }
svg { position: absolute; left: 0; top: 0; pointer-events: none; z-index: 1; }
polyline { fill: none; stroke: var(--path); stroke-width: 1.5; opacity: .75; }
circle { fill: var(--path); }
.key span { padding: 1px 6px; border: 1px solid; border-radius: 3px; margin-right: 8px; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 500; }
#detail {
  position: fixed; left: 0; right: 0; bottom: 0; min-height: 64px; max-height: 40vh; overflow: auto;
  padding: 10px 24px; background: var(--paper); border-top: 1px solid var(--open-line);
  white-space: pre-wrap; font: 12px/1.5 ui-monospace, monospace; z-index: 4;
}
`;

export const PAGE_SCRIPT = `
const detail = document.getElementById('detail');
const operations = [...document.querySelectorAll('.op')];
const inOrder = operations
  .filter((op) => op.dataset.order !== undefined)
  .sort((a, b) => a.dataset.order - b.dataset.order);
const show = (event) => {
  const op = event.target.closest('.op');
  if (op) detail.textContent = op.dataset.detail;
};
document.addEventListener('mouseover', show);
document.addEventListener('focusin', show);
document.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = inOrder.indexOf(document.activeElement);
  if (step === undefined || at < 0 || !inOrder[at + step]) return;
  event.preventDefault();
  inOrder[at + step].focus();
});
document.querySelector('.op.stuck')?.scrollIntoView({ inline: 'center', block: 'nearest' });
`;
