"""The page around a report's content: style, tables, escaping. A report is one file and needs no network."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import __version__
from ..analysis.files import cell_text

SHOWN_ROWS = 40
"""Further rows of a table are there, but folded."""

RESEARCH_ONLY = "For research use only; not for diagnosis or treatment."

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .85rem; } .scroll { overflow-x: auto; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d8dee4; text-align: left; white-space: nowrap; }
th { background: #f3f5f8; vertical-align: bottom; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; vertical-align: top; max-width: 30rem; }
figure img { max-width: 100%; background: #000; display: block; } figcaption { font-size: .85rem; max-width: 40rem; }
.note { color: #57606a; } .ok { color: #1a7f37; } .check { color: #9a6700; } .failed { color: #cf222e; }
.key { font-size: 1.1rem; text-shadow: 0 0 1px #000; } .empty { padding: .8rem; background: #f3f5f8; }
"""


def page(title: str, subtitle: str, sections: Iterable[tuple[str, str]]) -> str:
    """A whole page; sections are (heading, HTML)."""
    body = "".join(f"<h2>{escape(heading)}</h2>{content}" for heading, content in sections)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p class='note'>{escape(subtitle)}<br>"
        f"CalcinosisImaging {__version__}. {RESEARCH_ONLY}</p>{body}</body></html>\n"
    )


def escape(text: str) -> str:
    """Text as HTML."""
    return html.escape(str(text))


def table(columns: Mapping[str, str] | Sequence[str], rows: Sequence[Mapping[str, Any]], empty: str) -> str:
    """A table; ``columns`` may map keys to headings. Without rows, ``empty`` says why."""
    if not rows:
        return f'<p class="empty">{escape(empty)}</p>'
    names = dict(columns) if isinstance(columns, Mapping) else {column: column for column in columns}
    head = "".join(f"<th>{escape(heading)}</th>" for heading in names.values())
    body = ["<tr>" + "".join(_cell(key, row.get(key)) for key in names) + "</tr>" for row in rows]
    shown_rows, more = body[:SHOWN_ROWS], body[SHOWN_ROWS:]
    made = _table(head, shown_rows)
    if more:
        made += f"<details><summary>{len(more)} more rows</summary>{_table(head, more)}</details>"
    return made


def _table(head: str, rows: list[str]) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _cell(key: str, value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="number">{shown(value)}</td>'
    kind = "number" if isinstance(value, int) and not isinstance(value, bool) else ""
    if key == "flag":
        kind = str(value)
    return f'<td class="{kind}">{escape(cell_text(value))}</td>'


def shown(value: float | None) -> str:
    """A number as people read it: three significant digits, no exponent; a dash for None.

    >>> shown(1234.567), shown(0.01234), shown(None)
    ('1235', '0.0123', '–')
    """
    if value is None or value != value:
        return "–"
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in text else text


def bullets(lines: Iterable[str]) -> str:
    """A list of sentences."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
