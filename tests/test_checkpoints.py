"""Checkpoint files: they hold a snapshot exactly, and damaged or foreign ones are refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.checkpoints import Checkpoints
from picpxct_nx.errors import InputError, OutputError
from picpxct_nx.ptycho import Identity, Snapshot

SNAPSHOT = Snapshot(
    Identity("1", "abc", "def", "7"), 1, 4, np.array([0.5, 0.25]), ("pie", "ml"), np.arange(5, dtype=np.uint8),
    {"state.object": np.full((3, 2), 1 + 2j, np.complex64), "memory.iteration": np.array(4)},
    {"ml.likelihood": "poisson"}, ("pie: plateau",), (0.1, 0.05),
)  # fmt: skip


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "new" / "folder")
    assert checkpoints.load("scan") is None
    checkpoints.save("scan", SNAPSHOT)
    checkpoints.save("scan", SNAPSHOT)
    found = checkpoints.load("scan")
    assert found is not None
    for name, value in vars(SNAPSHOT).items():
        if name == "arrays":
            assert found.arrays.keys() == value.keys()
            assert all(found.arrays[key].tobytes() == array.tobytes() for key, array in value.items())
            assert all(found.arrays[key].dtype == array.dtype for key, array in value.items())
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(found, name), value)
        else:
            assert getattr(found, name) == value
    assert [path.name for path in checkpoints.folder.iterdir()] == ["scan.checkpoint.npz"]


def test_nothing_chosen_is_nothing(tmp_path: Path) -> None:
    import dataclasses

    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("scan", dataclasses.replace(SNAPSHOT, chosen={}, ends=()))
    found = checkpoints.load("scan")
    assert found is not None
    assert (found.chosen, found.ends) == ({}, ())


def test_a_checkpoint_is_forgotten_once(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("scan", SNAPSHOT)
    checkpoints.forget("scan")
    checkpoints.forget("scan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["torn", "empty", "text", "pickle", "other"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("scan", SNAPSHOT)
    path = checkpoints.path("scan")
    whole = path.read_bytes()
    if damage == "pickle":
        np.savez(path, allow_pickle=True, format=np.array([object()], dtype=object))
    elif damage == "other":
        np.savez(path, format=np.array(99))
    else:
        path.write_bytes({"torn": whole[: len(whole) // 2], "empty": b"", "text": b"scan"}[damage])
    with pytest.raises(InputError, match=r"is no checkpoint of format 1 .* remove it to start afresh") as caught:
        checkpoints.load("scan")
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Checkpoints(tmp_path / "file" / "folder").save("scan", SNAPSHOT)
