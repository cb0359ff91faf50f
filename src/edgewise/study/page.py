"""A report as plain blocks, and the blocks as one self-contained HTML page or as Markdown."""

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading of the second level, or the title."""

    text: str
    title: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph; ``label`` is set in bold beside it, and ``loud`` marks the one to read first."""

    text: str
    label: str = ""
    loud: bool = False


@dataclass(frozen=True)
class Table:
    """Cells as texts, under headers; what is all in capitals is set in bold. One without rows says so."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str


@dataclass(frozen=True)
class Picture:
    """A figure as PNG; ``name`` is its file beside the Markdown."""

    name: str
    png: bytes
    caption: str


Block = Heading | Text | Table | Picture
EMPTY = "No rows."
LONGEST_UNBROKEN = 25  # letters of a cell that stay on one line
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; color: light-dark(#1c2430, #e4e8ee); background: light-dark(#fff, #14181d);
  max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
@media (min-width: 2400px) { body { font-size: 24px; } }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 1rem; } h2 { font-size: 1.2em; margin: 2.2rem 0 .6rem; }
p { margin: .5rem 0; } figure { margin: 1.2rem 0; } img { max-width: 100%; background: #fff; }
.said { display: grid; grid-template-columns: 8.5em 1fr; column-gap: 1em; padding: .15em .8em; }
.said p { margin: .25em 0; } .said strong { padding-top: .25em; }
.loud { background: light-dark(#eef4fa, #1b2836); border-left: .3em solid #1b6ca8; padding: .5em .8em .5em .5em;
  font-size: 1.06em; }
@media (max-width: 40em) { .said { grid-template-columns: 1fr; } }
figcaption { color: light-dark(#4b5666, #a9b3bf); font-size: .9em; padding: .3rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9em; margin: .2rem 0 .8rem; }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid light-dark(#d8dee6, #3a434e); text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
td.one { white-space: nowrap; }
"""


def as_html(blocks: Iterable[Block]) -> str:
    """One page that loads nothing."""
    parts = list(blocks)
    title = next((block.text for block in parts if isinstance(block, Heading) and block.title), "Study")
    body = "\n".join(_html(block) for block in parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def as_markdown(blocks: Iterable[Block], folder: str) -> str:
    """The same with pictures as files in ``folder``."""
    return "\n\n".join(_markdown(block, folder) for block in blocks) + "\n"


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        level = 1 if block.title else 2
        return f"<h{level}>{html.escape(block.text)}</h{level}>"
    if isinstance(block, Text):
        paragraph = f"<p>{html.escape(block.text)}</p>"
        if not block.label:
            return paragraph
        kind = "said loud" if block.loud else "said"
        return f'<div class="{kind}"><strong>{html.escape(block.label)}</strong>{paragraph}</div>'
    if isinstance(block, Picture):
        data = b64encode(block.png).decode()
        caption = html.escape(block.caption)
        return (
            f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    if not block.rows:
        return f"<figure><figcaption>{html.escape(block.caption)} {EMPTY}</figcaption></figure>"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in block.headers)
    rows = "".join("<tr>" + "".join(_cell(text) for text in row) + "</tr>\n" for row in block.rows)
    caption = f"<figcaption>{html.escape(block.caption)}</figcaption>"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
    return f'<figure>{caption}<div class="wide" tabindex="0">{table}</div></figure>'


def _cell(text: str) -> str:
    is_verdict = text.isupper() and text.replace(" ", "").isalpha()
    said = f"<strong>{html.escape(text)}</strong>" if is_verdict else html.escape(text)
    return f"<td>{said}</td>" if len(text) > LONGEST_UNBROKEN else f'<td class="one">{said}</td>'


def _markdown(block: Block, folder: str) -> str:
    if isinstance(block, Heading):
        return f"{'#' if block.title else '##'} {block.text}"
    if isinstance(block, Text):
        return f"**{block.label}** {block.text}" if block.label else block.text
    if isinstance(block, Picture):
        return f"![{block.caption}]({folder}/{block.name}.png)\n\n*{block.caption}*"
    if not block.rows:
        return f"*{block.caption}* {EMPTY}"
    lines = [block.headers, ["---"] * len(block.headers), *block.rows]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"{table}\n\n*{block.caption}*"
