"""Formulas of the site as MathML, which browsers draw by themselves: no script, nothing to fetch."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(text: str, **_: Any) -> str:
    """Replace every formula of a page; MkDocs calls this with the HTML of each."""
    text = _BLOCK.sub(lambda found: convert(html.unescape(found[1]).strip(), display="block"), text)
    return _INLINE.sub(lambda found: convert(html.unescape(found[1]).strip()), text)
