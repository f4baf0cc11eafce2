"""Mapped files: arrays are found by key and index, stay unread until sliced, and hostile files are refused."""

import bz2
import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats
from picpxct_nx.errors import InputError, MissingInputError, PicpxctError, UsageError
from picpxct_nx.formats.packed import open_numpy
from picpxct_nx.formats.selection import Key, parse_key, parse_map, select

AXES = "probe:+y,+x:um"
MAP = "data=data,positions=scan"


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def arrays(**changes: Any) -> dict[str, Any]:
    return {"data": np.ones((4, 6, 6), np.uint16), "scan": np.arange(8.0).reshape(4, 2), **changes}


def take(path: Path, keys: str = MAP, axes: str = AXES) -> formats.ForeignScan:
    with formats.read(path, keys=keys, axes=axes) as foreign:
        return foreign


def test_a_key_has_a_name_an_index_and_perhaps_a_file() -> None:
    assert parse_key("probe[0, ..., 2:10:2, -1]") == Key("probe", (0, ..., slice(2, 10, 2), -1))
    assert parse_key("/entry/data") == Key("/entry/data")
    assert parse_key("other.npy::data[:]") == Key("data", (slice(None),), "other.npy")
    assert parse_map("data=data[0,:],positions=y+x,probe=p") == {
        "data": (Key("data", (0, slice(None))),), "positions": (Key("y"), Key("x")), "probe": (Key("p"),),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["data", "data=", "frames=a", "data=a[b]", "data=a[0", "data=a,data=b", "data=a[::0]", "data=a[1.5]"]
)
def test_a_map_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_map(text)


@pytest.mark.parametrize(
    "text", ["probe", "probe:+y:um", "probe:+y,-y:um", "beam:+y,+x:um", "probe:y,x:um", "probe:+y,+x:s"]
)
def test_axes_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--axes"):
        formats.parse_axes(text)


def test_a_unit_alias_is_reported() -> None:
    assert formats.parse_axes("stage:+x,+y:micron").notes == ("--axes: unit 'micron' was read as 'um'",)


@pytest.mark.parametrize("index", [(0,), (slice(1, None), 2), (..., slice(None, None, 3)), (-1, ..., slice(0, 2))])
def test_a_part_is_what_numpy_takes(index: tuple[Any, ...]) -> None:
    whole = np.arange(3 * 4 * 5 * 6).reshape(3, 4, 5, 6)
    part = select(whole, index, "whole")
    wanted = whole[index]
    assert part.shape == wanted.shape
    np.testing.assert_array_equal(part[...], wanted)
    np.testing.assert_array_equal(part[1:], wanted[1:])
    np.testing.assert_array_equal(part[0], wanted[0])
    np.testing.assert_array_equal(part[:1, 1:3], wanted[:1, 1:3])


@pytest.mark.parametrize("index", [(3,), (0, 0, 0, 0), (..., ...)])
def test_an_index_that_does_not_fit_is_refused(index: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="whole"):
        select(np.zeros((2, 3, 4)), index, "whole")


@pytest.mark.parametrize("packing", ["npz", "bz2", "gz"])
def test_numpy_files_are_read_through_their_packing(packing: str, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", **arrays(data=np.arange(144.0).reshape(1, 4, 6, 6)))
    if packing != "npz":
        packed = tmp_path / f"a.npz.{packing}"
        packed.write_bytes((bz2 if packing == "bz2" else gzip).compress(path.read_bytes()))
        path = packed
    assert formats.detect(path) == "numpy"
    with formats.read(path, keys="data=data[0],positions=scan", axes=AXES) as foreign:
        np.testing.assert_array_equal(foreign.frames[1:3], np.arange(144.0).reshape(4, 6, 6)[1:3])
        np.testing.assert_array_equal(foreign.positions, np.arange(8.0).reshape(4, 2))


def test_npy_files_are_joined_by_name(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.asfortranarray(np.arange(144.0).reshape(4, 6, 6)))
    np.save(tmp_path / "scan.npy", np.arange(8.0).reshape(4, 2))
    with formats.read(
        tmp_path / "frames.npy", keys=f"data=data,positions={tmp_path}/scan.npy::data", axes=AXES
    ) as foreign:
        np.testing.assert_array_equal(foreign.frames[2], np.arange(144.0).reshape(4, 6, 6)[2])
        assert [source.file_name for source in foreign.inputs] == ["frames.npy", "scan.npy"]
        assert str(tmp_path) not in foreign.options["map"]


def test_hdf5_arrays_are_found_by_path_and_stay_unread(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", data=np.ones((4, 6, 6), np.uint32), chunks=(1, 6, 6))
        file["entry/y"], file["entry/x"] = np.arange(4.0), np.arange(4.0, 8)
        file["entry/link"] = h5py.SoftLink("/entry/data/data")
        file["cycle"] = file["entry"]
    assert formats.detect(tmp_path / "a.h5") == "hdf5"
    keys = "data=/entry/link,positions=/entry/y+/entry/x,monitor=entry/y"
    with formats.read(tmp_path / "a.h5", keys=keys, axes=AXES) as foreign:
        assert not isinstance(foreign.frames, np.ndarray)
        np.testing.assert_array_equal(foreign.positions[:, 1], np.arange(4.0, 8))
        assert foreign.monitor is not None


def test_two_part_numbers_are_joined_to_a_probe(tmp_path: Path) -> None:
    parts = np.zeros((6, 6), [("real", "f4"), ("imag", "f4")])
    parts["real"], parts["imag"] = 1, -2
    foreign = take(npz(tmp_path / "a.npz", **arrays(p=parts)), f"{MAP},probe=p")
    assert foreign.probe is not None
    assert (foreign.probe == 1 - 2j).all()


@pytest.mark.parametrize(
    ("changes", "keys", "said"),
    [
        ({}, "data=data", "it has data, scan"),
        ({}, "data=dta,positions=scan", "has no array 'dta'; it has data, scan"),
        ({"scan": np.zeros((5, 2))}, MAP, "4 frames but 5 positions"),
        (
            {"scan": np.array([[0, 0], [1, 1], [np.nan, 2], [3, 3]])},
            MAP,
            "NaN or infinity, first at index 2 of 4",
        ),
        ({"scan": np.zeros((4, 3))}, MAP, "positions have shape"),
        ({"scan": np.array(["a", "b"])}, MAP, "wanted real numbers"),
        ({"data": np.ones((1, 4, 6, 6))}, MAP, "wanted \\(frames, rows, columns\\)"),
        ({"data": np.ones((4, 6, 6), complex)}, MAP, "wanted counts"),
        ({"data": np.ones((0, 6, 6)), "scan": np.zeros((0, 2))}, MAP, "the frames have shape"),
        ({"p": np.ones(3)}, f"{MAP},probe=p", "wanted \\(modes, rows, columns\\)"),
        ({"p": np.full((6, 6), np.nan)}, f"{MAP},probe=p", "NaN"),
        ({"m": np.ones((5, 5))}, f"{MAP},mask=m", "mask has shape"),
        ({"m": np.ones(3)}, f"{MAP},monitor=m", "one a frame"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(
    changes: dict[str, Any], keys: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(PicpxctError, match=said) as caught:
        take(npz(tmp_path / "a.npz", **arrays(**changes)), keys)
    assert "\n" not in str(caught.value)


def test_positions_without_axes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--axes must say"):
        take(npz(tmp_path / "a.npz", **arrays()), MAP, "frames:+y,+x")


class Evil:
    """Writes a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


def test_pickled_objects_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "a.npz", data=evil, scan=np.zeros((1, 2)))
    np.save(tmp_path / "a.npy", evil)
    for name in ("a.npz", "a.npy"):
        with pytest.raises(InputError, match="pickled"):
            take(tmp_path / name, "data=data,positions=data")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="is none of"):
        take(tmp_path / "b.npz")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("packing", ["bz2", "gz", "npz", "npz.bz2"])
def test_a_bomb_is_refused_before_it_fills_the_disk(
    packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picpxct_nx.formats.packed.BOMB_BYTES", 2**20)
    raw = io.BytesIO()
    np.save(raw, np.zeros((64, 256, 256)))
    path = tmp_path / f"a.{packing}"
    if packing.startswith("npz"):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data.npy", raw.getvalue())
            archive.writestr("scan.npy", raw.getvalue())
        if packing == "npz.bz2":
            path.write_bytes(bz2.compress((tmp_path / "a.npz").read_bytes()))
    else:
        path.write_bytes((bz2 if packing == "bz2" else gzip).compress(raw.getvalue()))
    with pytest.raises(InputError, match="bomb"):
        take(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    good = npz(tmp_path / "a.npz", **arrays()).read_bytes()
    np.save(tmp_path / "a.npy", np.ones((4, 6, 6)))
    npy = (tmp_path / "a.npy").read_bytes()
    damaged = {
        "half.npz": good[: len(good) // 2], "half.npz.bz2": bz2.compress(good)[:-20], "half.npy": npy[:-1],
        "header.npy": npy[:20] + b"?" * 40 + npy[60:], "version.npy": npy[:6] + b"\x09\x00" + npy[8:],
        "empty.npz": b"", "text.npz": b"x y z", "text.gz": gzip.compress(b"x y z"), "cut.gz": gzip.compress(good)[:100],
    }  # fmt: skip
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            take(tmp_path / name, "data=data,positions=data")
        assert name in str(caught.value)
    with pytest.raises(MissingInputError):
        take(tmp_path / "none.npz")
    with pytest.raises(MissingInputError):
        take(tmp_path)


def test_links_and_virtual_datasets_lead_to_files_in_the_folder_and_no_further(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.h5"
    inside.mkdir()
    for place in (inside / "other.h5", outside):
        with h5py.File(place, "w") as file:
            file["data"], file["pos"] = np.arange(96.0).reshape(4, 4, 6), np.ones((4, 2))
    (inside / "sly.h5").symlink_to(outside)
    for target, allowed in (("other.h5", True), ("../out.h5", False), (str(outside), False), ("sly.h5", False)):
        with h5py.File(inside / "link.h5", "w") as file:
            file["data"] = h5py.ExternalLink(target, "/data")
            file["pos"] = np.ones((4, 2))
        with h5py.File(inside / "virtual.h5", "w") as file:
            layout = h5py.VirtualLayout((8, 4, 6), "f8")
            for start in (0, 4):
                layout[start : start + 4] = h5py.VirtualSource(target, "data", (4, 4, 6))
            file.create_virtual_dataset("data", layout)
            file["pos"] = np.ones((8, 2))
        for name, copies in (("link.h5", 1), ("virtual.h5", 2)):
            if not allowed:
                with pytest.raises(InputError, match="outside the folder of the file"):
                    take(inside / name, "data=data,positions=pos")
                continue
            with formats.read(inside / name, keys="data=data,positions=pos", axes="probe:+y,+x:pixel") as foreign:
                whole = np.concatenate([np.arange(96.0).reshape(4, 4, 6)] * copies)
                for key in (slice(None), slice(1, 7, 3), slice(3, 5), slice(5, 5), 3, (slice(2, 6), slice(1, 3), 2)):
                    np.testing.assert_array_equal(np.asarray(foreign.frames[key]), whole[key])
                assert {source.file_name for source in foreign.inputs} == {name, "other.h5"}


def test_links_and_virtual_datasets_that_never_end_are_refused(tmp_path: Path) -> None:
    layout = h5py.VirtualLayout((4, 4, 6), "f8")
    layout[...] = h5py.VirtualSource(".", "data", (4, 4, 6))
    with h5py.File(tmp_path / "self.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        file["data"] = h5py.ExternalLink("loop.h5", "/data")
    for name, says in (("self.h5", "without end"), ("loop.h5", "does not end")):
        with pytest.raises(InputError, match=says):
            take(tmp_path / name, "data=data,positions=data")


def test_links_are_relative_to_the_file_that_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with h5py.File(tmp_path / "raw/frames.h5", "w") as file:
        file["data"], file["pos"] = np.ones((4, 4, 6)), np.ones((4, 2))
    with h5py.File(tmp_path / "raw/index.h5", "w") as file:
        file["data"] = h5py.ExternalLink("frames.h5", "/data")
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["data"] = h5py.ExternalLink("raw/index.h5", "/data")
        file["pos"] = np.ones((4, 2))
    with formats.read(tmp_path / "master.h5", keys="data=data,positions=pos", axes="probe:+y,+x:pixel") as foreign:
        assert {each.file_name for each in foreign.inputs} == {"master.h5", "index.h5", "frames.h5"}


def test_a_virtual_dataset_of_parts_of_frames_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file["data"] = np.ones((4, 2, 6))
    layout = h5py.VirtualLayout((4, 4, 6), "f8")
    for start in (0, 2):
        layout[:, start : start + 2] = h5py.VirtualSource("half.h5", "data", (4, 2, 6))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with pytest.raises(InputError, match="not made of whole frames"):
        take(tmp_path / "virtual.h5", "data=data,positions=data")


def test_a_link_to_a_file_that_is_not_there_names_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["data"] = h5py.ExternalLink("lost.h5", "/data")
    with pytest.raises(InputError, match=r"a link to lost\.h5, which is not there"):
        take(tmp_path / "link.h5", "data=data,positions=data")


def test_formats_are_told_by_content_not_by_name(tmp_path: Path) -> None:
    np.save(tmp_path / "a.cxi.npy", np.ones(3))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.cxi.npy").read_bytes())
    (tmp_path / "a.npy").rename(tmp_path / "a.cxi")
    assert formats.detect(tmp_path / "a.cxi") == "numpy"
    with (
        pytest.raises(UsageError, match=r"unknown; use auto, csaxs, .*cxi, .*numpy, hdf5"),
        formats.read(tmp_path / "a.cxi", "mat"),
    ):
        pass


def test_a_large_array_is_mapped_and_not_held(tmp_path: Path) -> None:
    with open_numpy(npz(tmp_path / "a.npz", **arrays())) as (names, load):
        assert names == ("data", "scan")
        assert isinstance(load("data"), np.memmap)
