"""Checkpoint files: the snapshot of an unfinished reconstruction, one a scan, written whole or not at all."""

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import atomic
from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Identity, Snapshot

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """Checkpoints in a folder, by the name of the entry they belong to.

    A file is a NumPy archive of plain arrays; nothing in it is pickled, and nothing of it is run when it is read.
    """

    folder: Path

    def path(self, entry: str) -> Path:
        """File of an entry."""
        return self.folder / f"{entry}.checkpoint.npz"

    def save(self, entry: str, snapshot: Snapshot) -> None:
        """Replace the entry's checkpoint.

        Raises
        ------
        OutputError, RetryError
            The folder cannot be written to, or the disk is full.
        """
        with atomic.naming_disk_errors(str(self.folder)):
            self.folder.mkdir(parents=True, exist_ok=True)
        target = self.path(entry)
        with atomic.part(target, overwrite=True) as hidden, hidden.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **_arrays(snapshot))

    def load(self, entry: str) -> Snapshot | None:
        """The entry's snapshot; None where there is none.

        Raises
        ------
        InputError
            The file is damaged or of another format.
        """
        target = self.path(entry)
        if not target.exists():
            return None
        try:
            with target.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
                return _snapshot({name: archive[name] for name in archive.files})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())[:100]
            raise InputError(
                f"{target}: is no checkpoint of format {_FORMAT} ({reason}); remove it to start afresh"
            ) from None

    def forget(self, entry: str) -> None:
        """Remove the entry's checkpoint: its reconstruction is done."""
        with atomic.naming_disk_errors(str(self.folder)):
            self.path(entry).unlink(missing_ok=True)


def _arrays(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    identity = {f"identity.{name}": np.array(text) for name, text in vars(snapshot.identity).items()}
    return {
        "format": np.array(_FORMAT),
        **identity,
        "stage": np.array(snapshot.stage),
        "iteration": np.array(snapshot.iteration),
        "error": snapshot.error,
        "engines": np.array(snapshot.engines, dtype=np.str_),
        "random": snapshot.random,
        "chosen": np.array([*snapshot.chosen.items()], dtype=np.str_).reshape(-1, 2),
        "ends": np.array(snapshot.ends, dtype=np.str_),
        "changes": np.array(snapshot.changes, np.float64),
        **{f"array.{name}": array for name, array in snapshot.arrays.items()},
    }


def _snapshot(arrays: dict[str, NDArray[Any]]) -> Snapshot:
    if int(arrays["format"]) != _FORMAT:
        raise ValueError(f"format {int(arrays['format'])}")
    return Snapshot(
        identity=Identity(**{f.name: str(arrays[f"identity.{f.name}"]) for f in dataclasses.fields(Identity)}),
        stage=int(arrays["stage"]),
        iteration=int(arrays["iteration"]),
        error=arrays["error"],
        engines=tuple(map(str, arrays["engines"])),
        random=arrays["random"],
        arrays={name.removeprefix("array."): array for name, array in arrays.items() if name.startswith("array.")},
        chosen={str(key): str(value) for key, value in arrays["chosen"]},
        ends=tuple(map(str, arrays["ends"])),
        changes=tuple(arrays["changes"].tolist()),
    )
