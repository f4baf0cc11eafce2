"""Recorded commands, run again in processes of their own, in a folder where no settings of the user are."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, PicpxctError

from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.rerun.plan import Chain, Place, Run


def locate(chain: "Chain", folder: Path) -> "tuple[dict[str, Place], dict[str, str]]":
    """Where those raw entries and foreign files of a chain lie that are there, checked by their digests.

    Raises
    ------
    MissingInputError
        The folder is not there.
    InputError
        One of them is no longer what was read.
    """
    from picpxct_nx import nexus
    from picpxct_nx.rerun.plan import Place

    found = nexus.find_entries(folder, chain.raw)
    for uuid, checksum in chain.raw.items():
        if uuid not in found:
            continue
        path, entry, digest = found[uuid]
        if digest != checksum:
            text = f"was read with digest {checksum[:12]}... and has {digest[:12]}... now"
            raise InputError(f"{path}: {entry}: {text}: it was changed since")
    files = nexus.find_files(folder, {one.checksum for one in chain.foreign})
    places = {uuid: Place(str(path.absolute()), entry) for uuid, (path, entry, _) in found.items()}
    return places, {checksum: str(path.absolute()) for checksum, path in files.items()}


def require(chain: "Chain", places: "Mapping[str, Place]", folder: Path) -> None:
    """Refuse a chain whose raw entries are neither there nor made again.

    Raises
    ------
    InputError
        One is not.
    """
    missing = [uuid for uuid in chain.raw if uuid not in places]
    if missing:
        text = f"{len(missing)} of {len(chain.raw)} raw entries are not there, the first is {missing[0]}"
        raise InputError(f"{folder}: {text}")


def lines(
    chain: "Chain", places: "dict[str, Place]", files: Mapping[str, str], folder: Path, device: str | None
) -> Iterator[tuple[str, ...]]:
    """The command lines of a chain; products go to numbered places in a folder.

    `places` knows where entries lie, and learns where each product lies when its command has been run.
    """
    from picpxct_nx.rerun.plan import Place

    for number, run in enumerate(chain.runs, 1):
        for part, piece in enumerate(_distinct(run, places), 1):
            stem = folder / f"{number:03d}_{run.command}{'' if part == 1 else f'_{part}'}"
            if len(piece.outputs) == len(piece.inputs):
                output = f"{stem}/"
                entries = [places[uuid].entry for uuid in piece.inputs]
                made = {o: Place(f"{stem}/{e}.nxs", e) for o, e in zip(piece.outputs, entries, strict=True)}
            else:
                output = f"{stem}.nxs"
                made = {piece.outputs[0]: Place(output, "")}
            yield (*piece.line(places, files, device), "-o", output)
            places.update({uuid: Place(one.file, one.entry or _only(one.file)) for uuid, one in made.items()})


def _distinct(run: "Run", places: "Mapping[str, Place]") -> "Iterator[Run]":
    """A run, in parts where two of its entries have one name: a folder takes each name once."""
    from dataclasses import replace

    if len(run.outputs) != len(run.inputs):
        yield run
        return
    parts: list[list[int]] = []
    for index, uuid in enumerate(run.inputs):
        name = places[uuid].entry
        free = next((p for p in parts if all(places[run.inputs[i]].entry != name for i in p)), None)
        if free is None:
            parts.append(free := [])
        free.append(index)
    for part in parts:
        yield replace(run, inputs=tuple(run.inputs[i] for i in part), outputs=tuple(run.outputs[i] for i in part))


def _only(file: str) -> str:
    """Name of the one entry of a file that a command has just written; a plan that is only shown calls it cube."""
    if not Path(file).exists():
        return "cube"
    from picpxct_nx import nexus

    with nexus.open_valid(Path(file), file) as handle:
        names = nexus.entries(handle)
    if len(names) != 1:
        raise InputError(
            f"{file}: holds {len(names)} entries; wanted one: a manifest with particle sets is not run again"
        )
    return names[0]


def execute(words: Sequence[str], folder: Path, *, quiet: bool) -> None:
    """Run one command as a user would, without the settings of this user.

    Raises
    ------
    PicpxctError
        It failed; its own message is on stderr.
    """
    say(f"$ picpxct {short(words)}", quiet=quiet)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PICPXCT_")}
    line = [sys.executable, "-P", "-m", "picpxct_nx.cli", *words, "-q"]
    done = subprocess.run(line, check=False, cwd=folder, env=kept, stdin=subprocess.DEVNULL)  # noqa: S603
    if done.returncode:
        error = PicpxctError(f"rerun: picpxct {words[0]} ended with exit code {done.returncode}")
        error.exit_code = done.returncode  # type: ignore[misc]  # it is the command's, not the class's
        raise error


def short(words: Sequence[str]) -> str:
    """A command line as one would type it; of many files, the first and the last."""
    files = [word for word in words if "::" in word]
    if len(files) < 5:
        return shlex.join(words)
    shown = [word for word in words if word not in files[1:-1]]
    place = shown.index(files[0]) + 1
    return f"{shlex.join(shown[:place])} ... {shlex.join(shown[place:])}"
