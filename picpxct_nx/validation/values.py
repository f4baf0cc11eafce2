"""The values of one entry: identifiers, finite numbers, ascending energies, links, plots, rules, history."""

import re
from collections.abc import Iterator

import numpy as np

from picpxct_nx import nxdl, records
from picpxct_nx.validation.fields import Scope, check_symbols
from picpxct_nx.validation.history import check_history
from picpxct_nx.validation.nxdata import check_default_plot, check_plots
from picpxct_nx.validation.rules import check_rules
from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, find, kind_of, plain
from picpxct_nx.validation.view import View
from picpxct_nx.validation.violation import Violation

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_URN = "urn:uuid:"
# Numbers of filters that are registered with the HDF Group begin here.
_PLUGINS = 32000


def check_values(entry: Item, definition: str, scope: Scope, *, data: bool = True) -> Iterator[Violation]:
    """Faults of the values of one entry. Only fields of right type and shape are looked at.

    Parameters
    ----------
    entry, definition
        The entry and what it claims to be.
    scope : Scope
        What the check of the structure has met.
    data : bool
        Whether images and stacks are read as well, which costs about as much as reading them.
    """
    _load_filters(scope)
    for path, item, node in scope.fields:
        if item.size > MAX_READ or node.name is None:
            continue
        try:
            yield from _identifiers(path, item, node.name)
            if len(item.shape) < 2:
                yield from finite(path, item)
                yield from ascending_energy(path, item, node.name)
        except UnreadableError as error:
            # Text and single numbers were read before, and their damage was reported.
            if item.shape and item.dtype is not None and kind_of(item.dtype) != "S":
                yield Violation(path, error.code, str(error))
    yield from linked(entry, definition)
    yield from assumed(entry)
    yield from check_plots(entry, nxdl.table(definition))
    if data:
        yield from check_default_plot(entry, named=True)
    # Where lengths contradict each other, nothing can be compared.
    if not any(check_symbols(scope)):
        yield from check_rules(view_of(entry, definition, scope), data=data)
    yield from check_history(entry, definition)


def _load_filters(scope: Scope) -> None:
    """Make readable what was packed by filters that HDF5 itself has not; which of them may be, was checked before."""
    for _, item, _ in scope.fields:
        plist = item.data.get_create_plist() if item.data is not None else None
        if plist is not None and any(plist.get_filter(i)[0] >= _PLUGINS for i in range(plist.get_nfilters())):
            import hdf5plugin  # noqa: F401  # importing it registers the filters

            return


def view_of(entry: Item, definition: str, scope: Scope) -> View:
    """What the rules see of an entry whose structure was checked."""
    start = f"{entry.path}/"
    mine = [(path, item, node) for path, item, node in scope.fields if path.startswith(start)]
    return View(entry, definition, {path.removeprefix(start): (item, node) for path, item, node in mine})


def _identifiers(path: str, item: Item, name: str) -> Iterator[Violation]:
    rules = {
        "entry_identifier_uuid": uuid_form, "output_uuid": uuid_form,
        "checksum": checksum_form, "identifier_entry": urn_form,
    }  # fmt: skip
    if name in rules:
        yield from rules[name](path, content(item))


def uuid_form(path: str, text: str) -> Iterator[Violation]:
    """A UUID is written in the canonical form of RFC 9562, lower-case hexadecimal 8-4-4-4-12, and is not all zeros."""
    if not _UUID.match(text) or not text.strip("0-"):
        yield Violation(path, "UUID", f"is '{text}'; wanted a UUID such as 01234567-89ab-4cde-8f01-23456789abcd")


def checksum_form(path: str, text: str) -> Iterator[Violation]:
    """A checksum is 64 lower-case hexadecimal digits (SHA-256)."""
    if not _SHA256.match(text):
        yield Violation(path, "CHECKSUM", f"is '{text}'; wanted the 64 lower-case hexadecimal digits of a SHA-256")


def urn_form(path: str, text: str) -> Iterator[Violation]:
    """An input entry is named urn:uuid: and its UUID (RFC 9562)."""
    if not text.startswith(_URN) or not _UUID.match(text.removeprefix(_URN)):
        yield Violation(path, "URN", f"is '{text}'; wanted '{_URN}' and the UUID of the entry")


def finite(path: str, item: Item) -> Iterator[Violation]:
    """A real number, or an axis with a unit, holds no NaN and no infinity."""
    if item.dtype is None or kind_of(item.dtype) != "f":
        return
    if item.shape and not item.attributes.get("units"):
        return
    wrong = int(np.sum(~np.isfinite(content(item))))
    if wrong:
        yield Violation(path, "NOT_FINITE", f"holds {wrong} values that are not finite; leave out what is not known")


def ascending_energy(path: str, item: Item, name: str) -> Iterator[Violation]:
    """The energies of an axis rise strictly."""
    if name != "energy" or len(item.shape) != 1:
        return
    falls = np.flatnonzero(np.diff(content(item)) <= 0)
    if falls.size:
        text = f"does not rise after element {falls[0]} ({falls.size} places); sort the energies, name each once"
        yield Violation(path, "ENERGY_ORDER", text)


def linked(entry: Item, definition: str) -> Iterator[Violation]:
    """What stands twice in an entry stands there as a link, so that the two cannot differ."""
    for path, target in records.kind(definition).LINKS.items():
        copy, original = find(entry, path), find(entry, target)
        told = copy is not None and copy.attributes.get("target", f"{entry.path}/{path}") != f"{entry.path}/{path}"
        if copy is not None and original is not None and copy is not original and not told:
            text = f"is a copy; link it to {entry.path}/{target}, so that the two cannot differ"
            yield Violation(f"{entry.path}/{path}", "TARGET", text)


def assumed(entry: Item) -> Iterator[Violation]:
    """Every assumed path is there, and is told as a warning."""
    item = entry.members.get("assumed")
    if item is None or item.dtype is None or kind_of(item.dtype) != "S" or len(item.shape) != 1:
        return
    if item.size > MAX_READ:
        yield Violation(item.path, "ASSUMED_MISSING", f"names {item.size} fields, which no entry has; shorten it")
        return
    try:
        names = plain(content(item))
    except UnreadableError:
        return
    for name in names:
        if name and find(entry, name) is not None:
            yield Violation(f"{entry.path}/{name}", "ASSUMED", "was assumed, nobody measured it", "warning")
        else:
            yield Violation(f"{entry.path}/assumed", "ASSUMED_MISSING", f"names '{name}', which is not there")


def uuids_once(root: Item) -> Iterator[Violation]:
    """Two entries of a file are never named by the same UUID."""
    met: dict[str, str] = {}
    for _, entry in sorted(root.members.items()):
        field = entry.members.get("entry_identifier_uuid")
        if field is None or field.dtype is None or field.shape or kind_of(field.dtype) != "S":
            continue
        try:
            text = str(content(field))
        except UnreadableError:
            continue
        if met.setdefault(text, entry.path) != entry.path:
            said = f"is {text}, which names {met[text]} already; a changed copy needs a UUID of its own"
            yield Violation(f"{entry.path}/entry_identifier_uuid", "UUID_TWICE", said)
