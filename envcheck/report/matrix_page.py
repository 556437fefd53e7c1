"""Style and script of the matrix page: the only script there is, and no address of anything."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --faint: #57606a;
  --line: #d0d7de; --shade: #f6f8fa; --link: #0550ae; --bar: #2f6fbf; --bar2: #a8c7ec;
  --pass: #116329; --warn: #7d4e00; --fail: #a40e26; --error: #6639ba; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --faint: #9da7b3;
  --line: #30363d; --shade: #161b22; --link: #79b8ff; --bar: #58a6ff; --bar2: #2b4a73;
  --pass: #56d364; --warn: #e3b341; --fail: #ff7b72; --error: #d2a8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--back);
  color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
p { margin: .25rem 0; } a { color: var(--link); } code, pre, td, .cells { font-size: .875rem; }
code, pre, .mono { font-family: ui-monospace, monospace; }
pre { margin: .25rem 0; padding: .5rem; background: var(--shade); white-space: pre-wrap; }
.scroll { position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.scroll:focus-visible, button:focus-visible, summary:focus-visible, a:focus-visible {
  outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .35rem .6rem; text-align: left; white-space: nowrap; overflow-wrap: normal;
  border-top: 1px solid var(--line); vertical-align: top; max-width: 24rem; overflow: hidden;
  text-overflow: ellipsis; }
thead th { background: var(--shade); border-top: 0; padding: 0; }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--back); z-index: 1; }
thead th:first-child { position: sticky; left: 0; z-index: 2; }
.number { text-align: right; } thead th:first-child { text-align: left; }
sup { line-height: 0; }
thead th.plain { padding: .35rem .6rem; font-size: .875rem; }
th button { all: unset; box-sizing: border-box; display: block; width: 100%; cursor: pointer;
  padding: .35rem .6rem; font-size: .875rem; font-weight: 600; }
th button::after { content: "\\2195"; content: "\\2195" / ""; color: var(--faint);
  padding-left: .3em; }
th[aria-sort] button::after { color: var(--text); }
th[aria-sort=ascending] button::after { content: "\\2191"; content: "\\2191" / ""; }
th[aria-sort=descending] button::after { content: "\\2193"; content: "\\2193" / ""; }
.pass { color: var(--pass); } .warn { color: var(--warn); } .fail { color: var(--fail); }
.error, .inconclusive { color: var(--error); } .skipped, .missing, .faint { color: var(--faint); }
.word { font-weight: 600; } .stale { border: 1px solid var(--warn); color: var(--warn);
  border-radius: 4px; padding: 0 .35em; font-size: .8em; font-weight: 600; }
sup a { text-decoration: none; padding: 0 .15em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; min-width: 0; }
ol, ul { padding-left: 1.5rem; margin: 0; } li { margin: .4rem 0; } li:target, details:target {
  background: var(--shade); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .25rem; }
svg { display: block; width: 100%; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .faint { fill: var(--faint); }
svg .track { fill: var(--shade); } svg .bar { fill: var(--bar); } svg .bar2 { fill: var(--bar2); }
svg .spread { stroke: var(--text); stroke-width: 2; }
main > details { border-top: 1px solid var(--line); }
summary { cursor: pointer; padding: .35rem 0; }
.keys { font-weight: 400; font-size: .875rem; } .keys > span { white-space: nowrap; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; }
.key.bar { background: var(--bar); } .key.bar2 { background: var(--bar2); }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; }
  body { padding: .75rem; } }
@media print { th button::after { content: ""; } .scroll { overflow: visible; } }
"""

#: Sorts by a header that is clicked, or that the address names: #sort=install, #sort=-install.
SCRIPT = """
"use strict";
(() => {
  const table = document.getElementById("cells");
  if (!table) return;
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const value = (row, column) => row.cells[column].dataset.sort;
  const compare = (a, b, numeric) => numeric ? a - b
    : a.localeCompare(b, "en", {numeric: true});
  const sort = (column, down) => {
    const numeric = heads[column].classList.contains("number");
    const ordered = [...rows].sort((one, two) => {
      const a = value(one, column), b = value(two, column);
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      const order = compare(a, b, numeric);
      return down ? -order : order;
    });
    body.append(...ordered);
    heads.forEach((head, n) => {
      if (n === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };
  const asked = () => {
    const word = /^#sort=(-?)(.+)$/.exec(decodeURIComponent(location.hash));
    const column = word ? heads.findIndex(head => head.dataset.key === word[2]) : -1;
    if (column >= 0) sort(column, word[1] === "-");
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    sort(column, down);
    try {
      history.replaceState(null, "", "#sort=" + (down ? "-" : "") + head.dataset.key);
    } catch { /* a page that may not change its address is sorted all the same */ }
  }));
  addEventListener("hashchange", asked);
  asked();
})();
"""


def policy(style: str = STYLE, script: str = SCRIPT) -> str:
    """A Content-Security-Policy under which nothing but ``style`` and ``script`` has any effect."""
    runs = f"'{_digest(script)}'" if script else "'none'"
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src {runs}"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
