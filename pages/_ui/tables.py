"""Plain tables: text in, HTML out, everything escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: bool = False) -> str:
    """A table in a frame that scrolls sideways; `words` for columns of text, which are flush left and wrap."""
    top = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    kind = "fcpts-table fcpts-words" if words else "fcpts-table"
    return (
        f"<div class='fcpts-scroll' tabindex='0' role='region' aria-label='{html.escape(head[0] or 'table')}'>"
        f"<table class='{kind}'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """Yes and no in their colours; an address as a link."""
    if text.startswith("https://"):
        address = html.escape(text, quote=True)
        return f"<td><a href='{address}' target='_blank' rel='noreferrer'>{html.escape(text.split('/')[2])}</a></td>"
    kind = {"yes": " class='fcpts-yes'", "no": " class='fcpts-no'"}.get(text, "")
    return f"<td{kind}>{html.escape(text)}</td>"
