"""The unit of one field against a node of any NeXus definition: there, known, of the right dimension, well spelt."""

from collections.abc import Iterator
from typing import Any

from picpxct_nx import units
from picpxct_nx.errors import UnitError
from picpxct_nx.nxdl import Node
from picpxct_nx.validation import spelling
from picpxct_nx.validation.tree import Item, plain
from picpxct_nx.validation.violation import Violation

# The three dimensions that an axis may have whose kind of motion is not stated.
_MOTIONS = ("m", "rad", "")


def check_listed_unit(text: Any, node: Node, path: str) -> Iterator[Violation]:
    """A definition may list the units that will do, or categories of them; others of their dimension do as well."""
    listed = [str(item) for item in node.items]
    wanted = [units.CATEGORIES.get(item, None if item.startswith("NX_") else item) for item in listed]
    found = plain(text)
    found = found[0] if isinstance(found, tuple) and len(found) == 1 else found
    if None in wanted or found in wanted:
        return
    try:
        good = isinstance(found, str) and any(_converts(found, str(unit)) for unit in wanted)
    except UnitError:
        good = False
    if not good:
        text = f"is {found!r}; wanted a unit convertible to one of {', '.join(map(repr, listed))}"
        yield Violation(path, "ENUMERATION", text)


def _converts(text: str, wanted: str) -> bool:
    try:
        spelling.dimension(wanted)
    except UnitError:
        return False
    return spelling.fits(text, wanted)


def check_unit(item: Item, node: Node, path: str) -> Iterator[Violation]:
    """Faults of the unit of a field: codes for one that is missing, unknown, of the wrong dimension, or an alias."""
    found = plain(item.attributes.get("units"))
    text = found[0] if isinstance(found, tuple) and len(found) == 1 else found
    if text is not None and not isinstance(text, str):
        yield Violation(path, "UNIT_UNKNOWN", f"has units {text!r}, which is not one text")
        return
    listed = node.child("attribute", "units")
    if text and listed is not None and text in listed.items:
        return
    targets = _targets(node, item)
    stripped = (text or "").strip()
    if not stripped:
        if targets and "" not in targets:
            detail = "no units attribute" if text is None else "empty units"
            yield Violation(path, "UNIT_MISSING", f"has {detail}; {node.units} wants one such as '{targets[0]}'")
        return
    try:
        good = not targets or any(spelling.fits(stripped, target) for target in targets)
        spelling.dimension(stripped)
        spelling.refuse_number(stripped)
    except UnitError as error:
        yield Violation(path, "UNIT_UNKNOWN", str(error), "error" if targets else "warning")
        return
    if not good and not ("m" in targets and "pixel" in node.doc and spelling.fits(stripped, "pixel")):
        want = f"a unit convertible to '{targets[0]}'" if targets[0] else "no unit"
        yield Violation(path, "UNIT_DIMENSION", f"has units '{stripped}'; {node.units} wants {want}")
    elif (better := spelling.advice(stripped)) is not None:
        yield Violation(path, "UNIT_ALIAS", f"has units '{stripped}'; write '{better}'", "warning")
    elif stripped != text:
        yield Violation(path, "UNIT_ALIAS", f"has units '{text}', with blanks; write '{stripped}'", "warning")


def _targets(node: Node, item: Item) -> tuple[str, ...]:
    """Units one of which the field must be convertible to; empty where any will do."""
    if node.units is None:
        return ()
    if node.units == "NX_TRANSFORMATION":
        motion = plain(item.attributes.get("transformation_type"))
        known = units.TRANSFORMATION_UNITS.get(motion) if isinstance(motion, str) else None
        return _MOTIONS if known is None else (known,)
    target = units.CATEGORIES.get(node.units, None if node.units.startswith("NX_") else node.units)
    try:
        return () if target is None or spelling.dimension(target) is None else (target,)
    except UnitError:
        return ()
