"""Definitions as people and programs read them: rows of a table, text for a terminal, and a JSON schema."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Definition, Node

_NUMBERS = ("NX_FLOAT", "NX_NUMBER")
_WHOLE = ("NX_INT", "NX_POSINT", "NX_UINT")
_TEXT = ("NX_CHAR", "NX_DATE_TIME", "ISO8601")
_NAME_COLUMN = 36
# A first sentence ends with a full stop before a capital letter.
_SENTENCE = re.compile(r"(?<=[a-z0-9)\]'`])\.\s+(?=[A-Z*.`])")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a definition's table; what a definition does not say is an empty text."""

    path: str
    type: str
    shape: str
    unit: str
    presence: str
    allowed: str
    doc: str


def rows(definition: Definition) -> list[Row]:
    """Everything that a definition names, in its order."""
    return [
        Row(
            path=path,
            type=node.type or "choice",
            shape=_shape(node),
            unit=_unit(node),
            presence=_presence(node),
            allowed=_allowed(node),
            doc=node.doc or (f"leads to {node.target}" if node.target else ""),
        )
        for path, node in _walk(definition.root, "")
    ]


def _walk(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    for child in node.children:
        here = f"{path}@{child.name}" if child.kind == "attribute" else f"{path}/{_name(child)}".lstrip("/")
        yield here, child
        yield from _walk(child, here)
        for choice in child.choices:
            there = f"{here}({choice.type})"
            yield there, choice
            yield from _walk(choice, there)


def _name(node: Node) -> str:
    """Name of a node; what may have any name stands as its class in round brackets."""
    return node.name or f"({node.type})"


def _shape(node: Node) -> str:
    if node.dims is None:
        return "(...)" if node.open_rank else ""
    names = [str(length) if length is not None else "any" for length in node.dims]
    least = node.min_rank if node.min_rank < len(names) else len(names)
    text = ", ".join([*names[:least], *(f"[{name}]" for name in names[least:]), *(["..."] if node.open_rank else [])])
    return f"({text})"


def _unit(node: Node) -> str:
    if node.units is None:
        return ""
    text = nxdl.unit_text(node)
    return "any" if text is None else text or "none"


def _presence(node: Node) -> str:
    least, most = node.occurs
    if node.kind != "group" or not node.repeats or (least == 0 and most is None):
        return node.presence
    bounds = {(1, None): "one or more", (1, 1): "one", (0, 1): "at most one"}
    numbers = bounds.get((least, most), f"{least} to {'any number' if most is None else most}")
    return f"{node.presence}, {numbers}"


def _allowed(node: Node) -> str:
    values = ", ".join(str(item) if not isinstance(item, tuple) else str(list(item)) for item in node.items)
    return f"{values}, or others" if values and node.open_items else values


def sentence(text: str) -> str:
    """First sentence of a description."""
    return f"{_SENTENCE.split(text, maxsplit=1)[0].rstrip('.')}." if text else ""


def heading(definition: Definition) -> str:
    """Name of a definition, with its version where it states one."""
    return f"{definition.name} {definition.version}".rstrip()


def as_text(definition: Definition, width: int) -> str:
    """A definition for a terminal of so many columns: a table, each line followed by what it means."""
    columns = ("path", "type", "shape", "unit", "presence")
    table = [Row(path="PATH", type="TYPE", shape="SHAPE", unit="UNIT", presence="PRESENCE", allowed="", doc="")]
    table += rows(definition)
    # A column is as wide as most of its texts; a longer one pushes the rest of its line to the right.
    widths = [
        min(max(len(getattr(row, name)) for row in table), limit)
        for name, limit in zip(columns, (44, 20, 22, 10, 12), strict=True)
    ]
    lines = [heading(definition), *_filled(definition.doc, width, "  "), ""]
    if definition.symbols:
        lines += [
            "Symbols",
            *(line for item in definition.symbols.items() for line in _filled(": ".join(item), width, "  ", 4)),
            "",
        ]
    for row in table:
        cells = (getattr(row, name).ljust(size) for name, size in zip(columns, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
        lines += _filled(row.doc, width, "    ")
        lines += _filled(f"allowed: {row.allowed}" if row.allowed else "", width, "    ", 13)
    return "\n".join(lines)


def _filled(text: str, width: int, indent: str, hanging: int | None = None) -> list[str]:
    rest = " " * (len(indent) if hanging is None else hanging)
    wrap = textwrap.TextWrapper(
        max(width, len(rest) + 40),
        initial_indent=indent,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return wrap.wrap(text)


def as_json(definition: Definition) -> dict[str, Any]:
    """A definition as a JSON schema of its content, nested as the groups of the file are.

    What JSON Schema has no word for stands under keys that begin with `x-nx-`: class, type, unit and its category,
    shape, presence, attributes (`x-nx-attributes`) and groups that may have any name (`x-nx-any-name`).
    """
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": definition.name}
    about = {
        "version": definition.version,
        "x-nx-extends": definition.extends,
        "x-nx-symbols": dict(definition.symbols),
    }
    return schema | {key: value for key, value in about.items() if value} | _object(definition.root, definition.doc)


def _object(node: Node, doc: str) -> dict[str, Any]:
    """A group as a JSON object."""
    named = [child for child in node.children if child.kind != "attribute" and child.name and not child.repeats]
    others = [child for child in node.children if child.kind != "attribute" and child not in named]
    made: dict[str, Any] = {"type": "object", "description": doc, "x-nx-class": node.type}
    made["properties"] = {child.name: _member(child) for child in named}
    made["required"] = [child.name for child in named if child.presence == "required"]
    made["x-nx-attributes"] = _attributes(node)
    made["x-nx-any-name"] = [_member(child) | _occurrence(child) for child in others]
    return {key: value for key, value in made.items() if value not in ("", [], {})}


def _member(node: Node) -> dict[str, Any]:
    if node.kind == "group" and not node.choices:
        return _object(node, node.doc) | {"x-nx-presence": node.presence}
    if node.choices:
        return {"oneOf": [_member(choice) for choice in node.choices], "x-nx-presence": node.presence}
    return _value(node)


def _occurrence(node: Node) -> dict[str, Any]:
    least, most = node.occurs
    kind = {"x-nx-kind": node.kind, "minOccurs": least, "maxOccurs": most}
    return kind | ({"x-nx-name-pattern": node.name} if node.name else {})


def _attributes(node: Node) -> dict[str, Any]:
    return {str(child.name): _value(child) for child in node.children if child.kind == "attribute"}


def _value(node: Node) -> dict[str, Any]:
    """A field or attribute."""
    made: dict[str, Any] = {"description": node.doc}
    made |= _array(node)
    if node.items:
        made["examples" if node.open_items else "enum"] = [list(i) if isinstance(i, tuple) else i for i in node.items]
    made |= {"x-nx-type": node.type, "x-nx-presence": node.presence, "x-nx-unit-category": node.units}
    made |= {"x-nx-unit": nxdl.unit_text(node), "x-nx-shape": list(node.dims or ()), "x-nx-target": node.target}
    made |= {"deprecated": node.deprecated, "x-nx-attributes": _attributes(node)}
    return {key: value for key, value in made.items() if value is not None and value not in ("", [], {})}


def _array(node: Node) -> dict[str, Any]:
    """Nested arrays of a field's rank, of the lengths that are fixed."""
    made = _element(node)
    for length in reversed(node.dims or ()):
        fixed = {"minItems": length, "maxItems": length} if isinstance(length, int) else {}
        made = {"type": "array", "items": made, **fixed}
    return made


def _element(node: Node) -> dict[str, Any]:
    """JSON type of one element; none where NeXus allows several, and for what JSON has not, complex numbers."""
    if node.type in _TEXT:
        return {"type": "string"} | ({"format": "date-time"} if node.type == "NX_DATE_TIME" else {})
    if node.type in _WHOLE:
        return {"type": "integer"} | ({"minimum": 1} if node.type == "NX_POSINT" else {})
    if node.type in _NUMBERS:
        return {"type": "number"}
    return {"type": "boolean"} if node.type == "NX_BOOLEAN" else {}


def entry(definition: Definition) -> dict[str, Any]:
    """A definition in a list for programs."""
    return {
        "name": definition.name,
        "version": definition.version or None,
        "category": definition.category,
        "own": definition.own,
        "doc": definition.doc,
    }


def line(definition: Definition, width: int) -> str:
    """A definition in a list for a terminal: its name, and one sentence on lines that fit."""
    name = heading(definition)
    text = _filled(sentence(definition.doc), width, " " * _NAME_COLUMN)
    if text and len(name) < _NAME_COLUMN - 1:
        text[0] = name.ljust(_NAME_COLUMN) + text[0].lstrip()
        return "\n".join(text)
    return "\n".join([name, *text])
