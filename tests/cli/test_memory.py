"""--memory: a stage that has no room for the cube makes the same file to the bit, and says what is too little."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import room
from picpxct_nx.cli._memory import _task, size
from picpxct_nx.images.projection import project
from picpxct_nx.nexus import entries, open_valid, read, write
from picpxct_nx.simulate.faultless import flattened

from .conftest import Call, message

PLAN = [(e, r) for r in (0.0, np.pi / 2) for e in (5460.0, 5465.0, 5471.0, 5477.0, 5483.0, 5504.0, 5515.0)]
# Every stage with the file that it reads, and its options.
STAGES = {
    "stack": ("images.nxs", ["--union"]),
    "flatten": ("stack.nxs", []),
    "align": ("flatten.nxs", ["--strategy", "all-pairs"]),
    "register": ("align.nxs", []),
    "normalize": ("register.nxs", ["--e0", "5483.4 eV"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of two polarisations, in one of which an energy is missing."""
    folder = tmp_path_factory.mktemp("memory")
    write(folder / "images.nxs", (flattened(e, r, seed=n) for n, (e, r) in enumerate(PLAN) if n != 3))
    return folder


def _working(stage: str, path: Path) -> int:
    with open_valid(path, path.name) as file:
        records = [read(file, name) for name in entries(file)]
        if stage == "stack":
            return room.working(stage, _task([project(record, 0.1) for record in records]))
        return room.working(stage, _task(records))


@pytest.mark.parametrize("stage", STAGES)
def test_a_cube_that_lies_in_a_file_is_the_same_to_the_bit(
    stage: str, folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, options = STAGES[stage]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    plain, pieces = folder / f"{stage}.nxs", folder / "pieces.nxs"
    assert call(stage, folder / source, *options, "-o", plain).exit_code == 0
    monkeypatch.setattr(room, "resident", lambda: 0)
    in_file: list[int] = []
    take = room._File.take

    def counted(file: room._File, size: int) -> int:
        in_file.append(size)
        return take(file, size)

    monkeypatch.setattr(room._File, "take", counted)
    least = _working(stage, folder / source)
    result = call(stage, folder / source, *options, "-o", pieces, "--overwrite", "--memory", f"{least} B")
    assert result.exit_code == 0, result.stderr
    assert pieces.read_bytes() == plain.read_bytes()
    # All of the cube was in the file.
    assert sum(in_file) >= 8 * len(PLAN) * 60**2 / 2
    refused = call(stage, folder / source, *options, "-o", "x.nxs", "--memory", f"{(least - 1) / 1e3} kB")
    assert refused.exit_code == 2
    assert f"is too little; it takes {np.ceil((least + 3e6) / 1e7) * 10:.0f} MB at least" in message(refused)


def test_a_reconstruction_is_flattened_as_well(folder: Path, call: Call) -> None:
    assert call("flatten", folder / "images.nxs", "--memory", "0.5 MiB", "-o", "x.nxs").exit_code == 2


@pytest.mark.parametrize("text", ["500", "500 nm", "many MB", "-3 MB", "500 Mb", ""])
def test_a_size_has_a_unit_of_bytes(text: str, call: Call) -> None:
    result = call("align", "none.nxs", "--memory", text, "-o", "x.nxs")
    assert result.exit_code == 2
    assert f"--memory '{text}': wanted a number and kB, MB, GB" in message(result)


def test_units_of_bytes() -> None:
    assert [size(text) for text in ("10 B", "1.5kB", "500 MB", "2GiB", ".5 KiB", "1 TB")] == [
        10, 1500, 500_000_000, 2 * 2**30, 512, 10**12,
    ]  # fmt: skip
