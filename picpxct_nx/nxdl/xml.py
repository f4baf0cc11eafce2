"""The XML of NXDL, whoever wrote it: parsed into plain elements, and merged where one definition extends another.

A stranger's XML is refused where it declares a document type: entities of its own could grow without bound or name
other files.
"""

import re
import xml.parsers.expat as expat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from picpxct_nx.errors import InputError

MAX_BYTES = 8 * 2**20
_MAX_DEPTH = 64
PRESENCE = ("optional", "recommended", "minOccurs", "maxOccurs")
_CAPITALS = re.compile(r"[A-Z]+(?:_[A-Z]+)*")
# The number of an axis may be left out of a pattern: any text of NeXus names, the empty one too.
_ANY_TEXT = "[a-zA-Z0-9_.]*"
_NAMED = ("group", "field", "attribute", "link", "choice", "symbol")


@dataclass(kw_only=True)
class Element:
    """One XML element without its namespace, and the line on which it stands."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator["Element"]:
        """The children of a tag."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> "Element | None":
        """The first child of a tag, or None."""
        return next(self.all(tag), None)


def parse(data: bytes, source: str) -> Element:
    """The `definition` element of an NXDL text.

    Raises
    ------
    InputError
        It is too large, not XML, declares a document type, nests too deep, or is no NXDL; the message has the line.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{source}: has {len(data)} bytes, more than {MAX_BYTES}; a definition is a short text")
    builder = _Builder(source)
    try:
        builder.parser.Parse(data, True)  # noqa: FBT003  # expat takes no keywords
    except expat.ExpatError as error:
        raise InputError(f"{source}: line {error.lineno}: {expat.ErrorString(error.code)}; wanted NXDL") from None
    except (ValueError, LookupError) as error:  # an encoding that Python has not, or that lies
        raise InputError(f"{source}: line {builder.line}: {error}; wanted NXDL as UTF-8") from None
    root = builder.stack[0].children[0]
    if root.tag != "definition" or not root.attributes.get("name"):
        raise InputError(f"{source}: line {root.line}: is a <{root.tag}>; wanted an NXDL <definition> with a name")
    return root


class _Builder:
    """Puts the events of the XML parser together to elements."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stack = [Element(tag="", attributes={}, line=0)]
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    @property
    def line(self) -> int:
        return self.parser.CurrentLineNumber

    def _doctype(self, *_: object) -> None:
        raise InputError(
            f"{self.source}: line {self.line}: declares a document type, which could name other files; remove it"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.stack) > _MAX_DEPTH:
            raise InputError(f"{self.source}: line {self.line}: elements nest deeper than {_MAX_DEPTH}; flatten it")
        element = Element(tag=tag.rpartition(" ")[2], attributes=attributes, line=self.line)
        self.stack[-1].children.append(element)
        self.stack.append(element)

    def _end(self, _: str) -> None:
        self.stack.pop()

    def _text(self, data: str) -> None:
        if self.stack[-1].tag == "doc":
            self.stack[-1].text += data


def _key(element: Element) -> tuple[str, str]:
    name = element.attributes.get("name")
    if element.tag not in _NAMED:
        return element.tag, ""
    tag = "group" if element.tag == "choice" else element.tag
    return tag, name or f"({element.attributes.get('type')})"


@lru_cache(4096)
def name_pattern(name: str) -> re.Pattern[str]:
    """What a name with parts in capitals stands for, such as beam_TYPE for beam_incident."""
    return re.compile(_ANY_TEXT.join(re.escape(part) for part in _CAPITALS.split(name)))


def _general(element: Element, inherited: dict[tuple[str, str], Element]) -> tuple[str, str]:
    """The key of the group without a name of its own that a named group specialises: by its pattern, or its class."""
    get, unnamed = element.attributes.get, ("group", f"({element.attributes.get('type')})")
    for key, other in inherited.items():
        pattern = other.attributes.get("nameType") == "partial" and key[0] == "group"
        if pattern and other.attributes.get("type") == get("type") and name_pattern(key[1]).fullmatch(get("name", "")):
            return key
    return unnamed


def extend(parent: Element, child: Element) -> Element:
    """A definition, or part of one, with everything that it inherits from the one that it extends.

    A named group specialises the unnamed one of its class, or the one whose pattern its name keeps, which then need not
    be there as well.
    """
    attributes = dict(parent.attributes)
    if any(name in child.attributes for name in PRESENCE):
        attributes = _without_presence(attributes)
    merged = replace(child, attributes=attributes | child.attributes, children=[])
    inherited = {_key(element): element for element in parent.children}
    for element in child.children:
        key = _key(element)
        general = ("group", f"({element.attributes.get('type')})")
        if key not in inherited and key == general:
            # The one group of this class that has a name above is meant.
            wanted = ("group", element.attributes.get("type"))
            alike = [k for k, e in inherited.items() if (e.tag, e.attributes.get("type")) == wanted]
            key = alike[0] if len(alike) == 1 else key
        twin = inherited.pop(key, None)
        general = _general(element, inherited) if element.tag == "group" else general
        if twin is None and element.tag == "group" and general in inherited:
            unnamed = inherited[general]
            inherited[general] = replace(unnamed, attributes=unnamed.attributes | {"minOccurs": "0"})
            kept = {name: value for name, value in unnamed.attributes.items() if name != "nameType"}
            twin = replace(unnamed, attributes=_without_presence(kept))
        whole = element.tag in ("enumeration", "dimensions", "doc")
        merged.children.append(element if whole or twin is None else extend(twin, element))
    merged.children.extend(inherited.values())
    return merged


def _without_presence(attributes: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if name not in PRESENCE}
