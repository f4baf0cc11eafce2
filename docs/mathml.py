"""Formulas of the site as MathML, which browsers draw by themselves: no script, nothing to fetch."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(text: str, **_: Any) -> str:
    """Replace every formula of a page; MkDocs calls this with the HTML of each."""
    # A formula that is wider than a phone moves by itself, not with the page.
    text = _BLOCK.sub(lambda found: f'<div style="overflow-x: auto">{_made(found[1], "block")}</div>', text)
    return _INLINE.sub(lambda found: _made(found[1], "inline"), text)


def _made(formula: str, display: str) -> str:
    r"""MathML of a formula.

    Raises
    ------
    ValueError
        The converter does not know a command, and would print it as it stands, as it does \arg.
    """
    made = str(convert(html.unescape(formula).strip(), display=display))
    left = re.search(r">\\[A-Za-z]+", made)
    if left is not None:
        raise ValueError(
            f"{left[0][1:]} of the formula {formula.strip()} is unknown to latex2mathml; write it otherwise"
        )
    return made
