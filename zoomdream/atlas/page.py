"""The page of an atlas: one file that works without a server and without a network. Texts and pictures in, HTML out."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from dataclasses import dataclass

# The policy lets nothing in from outside, whatever a name may hold.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --paper: #f6f6f4; --card: #fff; --ink: #1c1d20; --quiet: #60646c; --line: #d9dade; --touch: #0b63c5 }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #141519; --card: #1e2026; --ink: #e6e7ea; --quiet: #a0a5b0; --line: #343741; --touch: #8cc2ff }}
}}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; max-width: 110rem; padding: 1.2rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }}
h1 {{ margin: 0; font-size: 1.6rem; overflow-wrap: anywhere }}
h2 {{ margin: 0; font-size: 1rem; overflow-wrap: anywhere }}
p {{ margin: .4rem 0; max-width: 48rem; overflow-wrap: anywhere }}
main {{ display: grid; gap: 1rem; margin-top: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min({width}px, 44vw), 1fr)) }}
figure {{ margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden }}
figure img {{ display: block; width: 100%; height: auto }}
figcaption {{ padding: .6rem .7rem .7rem; display: grid; gap: .35rem }}
button {{ font: inherit; color: var(--touch); background: none; border: 1px solid var(--line); border-radius: 5px;
  padding: .3rem .5rem; text-align: left; cursor: pointer; max-width: 100% }}
button:hover, button:focus-visible {{ border-color: var(--touch) }}
button.copied {{ background: var(--touch); color: var(--card) }}
code {{ font: 12.5px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }}
dl {{ margin: 0; display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; font-size: 12.5px }}
dt {{ color: var(--quiet) }}
dd {{ margin: 0; overflow-wrap: anywhere }}
#told {{ position: fixed; right: 1rem; bottom: 1rem; padding: .4rem .8rem; border-radius: 6px; background: var(--ink);
  color: var(--paper); opacity: 0; transition: opacity .2s; pointer-events: none }}
#told.shown {{ opacity: 1 }}
@media (max-width: 30rem) {{ body {{ padding: .6rem }} main {{ gap: .5rem }} }}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{summary}</p>
<p>A click on a line copies it. It goes into a config, below:</p>
<button type="button" title="copy"><code>{head}</code></button>
</header>
<main>
{cards}
</main>
<div id="told" role="status"></div>
<script>
const told = document.getElementById("told");
let waiting;
function copyOld(text) {{
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = 0;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}}
async function copy(text) {{
  try {{ await navigator.clipboard.writeText(text); return true; }} catch (refused) {{ return copyOld(text); }}
}}
document.addEventListener("click", async (event) => {{
  const button = event.target.closest("button");
  if (!button) return;
  const done = await copy(button.textContent);
  told.textContent = done ? "copied" : "this browser does not let pages copy; select the text instead";
  if (done) button.classList.add("copied");
  told.classList.add("shown");
  setTimeout(() => button.classList.remove("copied"), 700);
  clearTimeout(waiting);
  waiting = setTimeout(() => told.classList.remove("shown"), done ? 1200 : 5000);
}});
</script>
</body>
</html>
"""
_CARD = """\
<figure id="{anchor}"><img src="data:image/jpeg;base64,{picture}" width="{width}" height="{height}" alt="{name}">
<figcaption><h2>{name}</h2><button type="button" title="copy"><code>{paste}</code></button>
{facts}</figcaption></figure>"""


@dataclass(frozen=True, slots=True)
class Card:
    """One picture: its heading, the text to copy, facts (what, value), a JPEG and its width and height in pixels."""

    name: str
    paste: str
    facts: tuple[tuple[str, str], ...]
    picture: bytes
    size: tuple[int, int]


def page(title: str, summary: str, head: str, cards: Iterable[Card]) -> str:
    """The whole page. All texts are plain and may hold anything. head: what the texts of the cards are pasted below."""
    shown = tuple(cards)
    width = max((card.size[0] for card in shown), default=256)
    return _PAGE.format(
        title=_escaped(title),
        summary=_escaped(summary),
        head=_escaped(head),
        width=width,
        cards="\n".join(_card(number, card) for number, card in enumerate(shown)),
    )


def _card(number: int, card: Card) -> str:
    rows = "".join(f"<dt>{_escaped(what)}</dt><dd>{_escaped(value)}</dd>" for what, value in card.facts)
    width, height = card.size
    return _CARD.format(
        anchor=number,
        picture=base64.b64encode(card.picture).decode(),
        width=width,
        height=height,
        name=_escaped(card.name),
        paste=_escaped(card.paste),
        facts=f"<dl>{rows}</dl>" if rows else "",
    )


def _escaped(text: str) -> str:
    """No markup, and no characters that HTML does not know: control characters, halves of surrogate pairs."""
    known = "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return html.escape(known)
