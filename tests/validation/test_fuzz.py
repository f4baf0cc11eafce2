"""Damaged files: whatever bytes are wrong, the check ends in a verdict or a clear refusal, never in another exception.

Run as a script this file is its own worker: HDF5 itself could crash on damaged bytes, so it reads them in a child.
"""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.errors import InputError
from picpxct_nx.records import Record
from picpxct_nx.validation import check_file

# A forged length makes HDF5 fill gigabytes, which is slow but ends.
SECONDS = 60
VARIANTS = 150


def damaged(image: bytes, seed: int) -> bytes:
    """The image with one to eight bytes changed; half of the variants near its start, where the structure lies."""
    rng = np.random.default_rng(seed)
    data = bytearray(image)
    reach = len(data) if seed % 2 else min(4096, len(data))
    for place in rng.integers(8, reach, int(rng.integers(1, 9))):
        data[place] ^= int(rng.integers(1, 256))
    return bytes(data)


def verdict(path: Path) -> str:
    """How a file fares: valid, invalid, or not opened."""
    try:
        with nexus.open_hdf5(path, path.name) as file:
            return "valid" if check_file(file, path.name).valid else "invalid"
    except InputError:
        return "refused"


def work(image: Path, first: int) -> None:
    """Judge variants from a seed on, one line each, so that a crash tells where it was."""
    scratch = image.with_suffix(".damaged.nxs")
    for seed in range(first, VARIANTS):
        scratch.write_bytes(damaged(image.read_bytes(), seed))
        signal.alarm(SECONDS)  # a loop inside HDF5 reaches no handler; the default action ends the child
        sys.stdout.write(json.dumps([seed, verdict(scratch)]) + "\n")
        sys.stdout.flush()


@pytest.mark.parametrize("layout", ["ours", "earliest"])
def test_damaged_bytes_end_in_a_verdict(
    layout: str, make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # the same bytes in every run
    path = tmp_path / "valid.nxs"
    nexus.write(path, [make_record("NXspecptycho_frc")], compression="none")
    if layout == "earliest":  # the layout without checksums, as most programs write it
        with h5py.File(path) as old, h5py.File(tmp_path / "copy.nxs", "w", libver="earliest") as new:
            new.attrs.update(old.attrs)
            old.copy("scan_S00001", new)
        path = tmp_path / "copy.nxs"
    command = [sys.executable, "-W", "error", __file__, str(path), "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"after seed {lines[-1] if lines else None}: {done.stderr[-2000:]}"
    assert len(lines) == VARIANTS
    assert {text for _, text in lines} >= {"refused", "invalid"}


def test_a_damaged_axis_is_found_by_its_checksum(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    nexus.write(path, [make_record("NXspecptycho_reconstruction")])
    with h5py.File(path) as file:
        chunk = file["scan_S00001/object/y"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 3] ^= 0xFF
    path.write_bytes(data)
    with nexus.open_hdf5(path, path.name) as file:
        faults = check_file(file, path.name).errors
    assert [(fault.code, fault.path) for fault in faults] == [
        ("DAMAGED", "/scan_S00001/object/y"), ("DAMAGED", "/scan_S00001/phase/y")
    ]  # fmt: skip


def shared_text(path: Path, length: int) -> None:
    """Let every element of the assumed paths be one and the same long text, as no library would write it."""
    with h5py.File(path, "r+", libver="earliest") as file:
        del file["scan_S00001/assumed"]
        texts = file["scan_S00001"].create_dataset("assumed", (4000,), h5py.string_dtype())
        texts[0] = "x" * length
        offset = texts.id.get_offset()
    data = bytearray(path.read_bytes())
    data[offset : offset + 16 * 4000] = bytes(data[offset : offset + 16]) * 4000
    path.write_bytes(data)


def test_a_text_that_thousands_share_is_a_bomb(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    nexus.write(path, [make_record("NXspecptycho_frc")])
    shared_text(path, 60_000)
    with nexus.open_hdf5(path, path.name) as file:
        faults = check_file(file, path.name).errors
    assert [(fault.code, fault.path) for fault in faults] == [("BOMB", "/scan_S00001/assumed")]


def test_empty_arrays_and_attributes_are_no_damage(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    nexus.write(path, [make_record("NXspecptycho_frc")])
    with h5py.File(path, "r+") as file:
        free = file["scan_S00001/process_001/parameters"]
        free["nothing"], free["no_text"] = np.zeros((0, 3)), np.array([], dtype="S4")
        free["nothing"].attrs["list"] = np.zeros(0)
    with nexus.open_valid(path, path.name):
        pass


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("text", "not an HDF5 file"), ("empty", "is empty"), ("truncated", "truncated"), ("noise", "damaged"),
     ("signature", "damaged")],
)  # fmt: skip
def test_what_is_no_whole_file_is_refused(
    name: str, wanted: str, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    path = tmp_path / "a.nxs"
    nexus.write(path, [make_record("NXspecptycho_frc")])
    whole = path.read_bytes()
    noise = hashlib.shake_256(b"noise").digest(5000)
    contents = {
        "text": b"energy,counts\n1,2\n", "empty": b"", "truncated": whole[: len(whole) // 2],
        "noise": whole[:8] + noise, "signature": whole[:8],
    }  # fmt: skip
    path.write_bytes(contents[name])
    with pytest.raises(InputError, match=wanted), nexus.open_valid(path, path.name):
        pass


def test_a_user_block_is_no_fault(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record("NXspecptycho_frc")
    nexus.write(tmp_path / "a.nxs", [record])
    with (
        h5py.File(tmp_path / "a.nxs") as old,
        h5py.File(tmp_path / "b.nxs", "w", userblock_size=512, libver=("v108", "v110")) as new,
    ):
        new.attrs.update(old.attrs)
        old.copy("scan_S00001", new)
    with nexus.open_valid(tmp_path / "b.nxs", "b.nxs") as file:
        assert nexus.read(file, "scan_S00001").digest() == record.digest()


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
