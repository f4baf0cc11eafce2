"""Raw entries of a chain made again by simulate or import, where their steps and sources allow it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, PicpxctError

from ._rerun_runs import execute
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record
    from picpxct_nx.rerun.origins import Origin
    from picpxct_nx.rerun.plan import Chain, Place


def origins(chain: "Chain", names: Mapping[str, str], folder: Path, *, quiet: bool) -> "Iterator[Origin]":
    """The runs that make raw entries of a chain again; of one that cannot be, a line says why.

    Parameters
    ----------
    chain
        What is made again.
    names : mapping
        Names of the raw entries that are at hand, by UUID.
    folder : Path
        Where sources of imports may lie, under the names that they had.
    quiet : bool
        Say nothing.
    """
    from picpxct_nx import nexus
    from picpxct_nx.rerun.origins import imported_again, simulations

    sources = [one for step in chain.origins.values() for one in step.inputs if one.uuid is None]
    wanted = {one.file_name for one in sources if one.file_name is not None}
    found = nexus.find_files(folder, {one.checksum for one in sources}, wanted)
    files = {checksum: str(path.absolute()) for checksum, path in found.items()}
    try:
        yield from simulations(chain.origins, names)
    except InputError as error:
        say(f"nothing is simulated again: {error}", quiet=quiet)
    for uuid, step in chain.origins.items():
        if step.command == "import":
            try:
                yield imported_again(uuid, step, files)
            except InputError as error:
                say(f"{names.get(uuid, uuid)}: is not imported again: {error}", quiet=quiet)


def repeat(
    run: "Origin", number: int, at_hand: "Mapping[str, Place]", folder: Path, digests: Mapping[str, str], *, quiet: bool
) -> "dict[str, Place]":
    """Where the entries of a run lie once it was run, by UUID: found by name, or without a file by the digest.

    Raises
    ------
    PicpxctError
        The command failed, and the file of an entry is not at hand.
    """
    from picpxct_nx.rerun.plan import Place

    made = folder / f"raw_{number:03d}_{run.command}"
    try:
        execute((*run.line, "-o", f"{made}/"), folder, quiet=quiet)
    except PicpxctError as error:
        if any(uuid not in at_hand for uuid in run.uuids):
            raise
        say(
            f"{', '.join(at_hand[uuid].entry for uuid in run.uuids)}: not made again, taken as it is: {error}",
            quiet=quiet,
        )
        return {}
    places = {path.stem: Place(str(path.absolute()), path.stem) for path in sorted(made.glob("*.nxs"))}
    known = {u: places[at_hand[u].entry] for u in run.uuids if u in at_hand and at_hand[u].entry in places}
    for name in (at_hand[u].entry for u in run.uuids if u in at_hand and u not in known):
        say(f"{name}: {run.command} makes no entry of that name now; it is taken as it is", quiet=quiet)
    left = [uuid for uuid in run.uuids if uuid not in at_hand]
    for place in places.values() if left else ():
        record = read(place)
        known |= {uuid: place for uuid in left if run.digest(record, uuid) == digests.get(uuid)}
    return known


def read(place: "Place") -> "Record":
    """An entry of a file, all of it in memory."""
    from dataclasses import replace
    from typing import Any

    from picpxct_nx import nexus
    from picpxct_nx.values import ArraySource

    with nexus.open_valid(Path(place.file), place.file) as file:
        record = nexus.read(file, place.entry)
        lazy: dict[str, Any] = {
            field: value[...]
            for field, value in vars(record).items()
            if isinstance(value, ArraySource) and not hasattr(value, "tobytes")
        }
        return replace(record, **lazy)
