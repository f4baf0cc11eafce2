"""Records: every product goes to a file and comes back the same."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus, nxdl, provenance, records
from picpxct_nx.records import Record

KINDS = [cls.DEFINITION for cls in records.KINDS]
MakeRecord = Callable[..., Record]


@pytest.mark.parametrize("name", KINDS)
def test_every_record_survives_a_round_trip(name: str, make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record(name)
    nexus.write(tmp_path / "a.nxs", [record])
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        again = nexus.read(file, record.entry)
        assert again.uuid == record.uuid
        assert again.history == record.history
        assert again.digest() == record.digest()
        assert set(again.to_values()) == set(record.to_values())


def test_a_record_that_nobody_holds_is_gone_at_once(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("NXspecptycho_reconstruction")
    nexus.write(tmp_path / "a.nxs", [record])
    gc.disable()  # a cycle would live until Python looks for cycles, and with it every array
    try:
        with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
            again = nexus.read(file, record.entry)
            assert isinstance(again, records.Reconstruction)
            image = weakref.ref(again.transmission)
            del again
        assert image() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", KINDS)
def test_every_bound_path_stands_in_the_definition(name: str) -> None:
    cls, table = records.kind(name), nxdl.table(name)
    assert [path for path in [*records.paths(cls), *cls.LINKS, *cls.LINKS.values()] if path not in table] == []


@pytest.mark.parametrize("name", KINDS)
def test_every_required_field_is_bound_or_fixed(name: str) -> None:
    optional_groups = {p for p, n in nxdl.table(name).items() if n.kind == "group" and n.presence != "required"}
    unbound = _unbound(records.kind(name))
    assert [path for path in unbound if not any(path.startswith(f"{group}/") for group in optional_groups)] == []


def _unbound(cls: type[Record]) -> tuple[str, ...]:
    """Required paths of a definition that neither the record binds nor the definition fixes."""
    known = records.paths(cls)
    return tuple(
        path
        for path, node in nxdl.table(cls.DEFINITION).items()
        if node.kind == "field" and node.presence == "required" and node.fixed() is None
        if "(" not in path and path not in known and path not in cls.LINKS
    )


def test_every_definition_has_a_record() -> None:
    assert sorted(KINDS) == list(nxdl.names())


@pytest.mark.parametrize("compression", ["none", "gzip", "bitshuffle"])
def test_the_digest_does_not_depend_on_compression(
    compression: nexus.Compression, make_record: MakeRecord, tmp_path: Path
) -> None:
    record = make_record("NXspecptycho_scan")
    nexus.write(tmp_path / "a.nxs", [record], compression=compression)
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        assert nexus.read(file, record.entry).digest() == record.digest()


def test_the_digest_sees_one_changed_count(make_record: MakeRecord) -> None:
    frames = np.zeros((4, 5, 6), np.uint16)
    other = frames.copy()
    other[3, 4, 5] = 1
    digests = {
        make_record("NXspecptycho_scan", instrument__detector__data=data).digest() for data in (frames, other, frames)
    }
    assert len(digests) == 2


def test_frames_stay_in_the_file_until_they_are_sliced(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("NXspecptycho_scan")
    nexus.write(tmp_path / "a.nxs", [record])
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        scan = nexus.read(file, record.entry)
        assert isinstance(scan, records.Scan)
        assert not isinstance(scan.frames, np.ndarray)
        assert isinstance(scan.frames[0:1], np.ndarray)


def test_lengths_in_other_units_are_converted_on_reading(make_record: MakeRecord, tmp_path: Path) -> None:
    import h5py

    record = make_record("NXspecptycho_scan")
    nexus.write(tmp_path / "a.nxs", [record])
    with h5py.File(tmp_path / "a.nxs", "r+") as raw:
        distance = raw[f"{record.entry}/instrument/detector/distance"]
        distance[()], distance.attrs["units"] = 7200.0, "mm"
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        scan = nexus.read(file, record.entry)
        assert isinstance(scan, records.Scan)
        assert scan.distance == pytest.approx(7.2)


def test_a_field_that_only_the_definition_knows_rides_along(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("NXspecptycho_scan", instrument__source__current=0.4)
    nexus.write(tmp_path / "a.nxs", [record])
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        again = nexus.read(file, record.entry)
        nexus.write(tmp_path / "b.nxs", [again])
    with nexus.open_valid(tmp_path / "b.nxs", "b.nxs") as file:
        assert nexus.read(file, record.entry).extra["instrument/source/current"] == 0.4


def test_the_same_content_at_the_same_time_gives_the_same_bytes(
    make_record: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for name in ("a.nxs", "b.nxs"):
        nexus.write(tmp_path / name, [make_record("NXspecptycho_reconstruction")])
    assert (tmp_path / "a.nxs").read_bytes() == (tmp_path / "b.nxs").read_bytes()


def test_a_product_carries_the_steps_of_all_its_ancestors_once(make_record: MakeRecord) -> None:
    scan = make_record("NXspecptycho_scan")
    halves = [
        make_record("NXspecptycho_reconstruction", seed=seed).made_by(
            provenance.step("reconstruct", {"half": seed}, [scan.as_input()]), (scan,)
        )
        for seed in (1, 2)
    ]
    inputs = [half.as_input() for half in halves]
    curve = make_record("NXspecptycho_frc").made_by(provenance.step("frc", {}, inputs), tuple(halves))
    assert [step.command for step in curve.history] == ["import", "reconstruct", "reconstruct", "frc"]
    assert [step.output_uuid for step in curve.history] == [scan.uuid, halves[0].uuid, halves[1].uuid, None]
    assert {source.uuid for source in curve.history[-1].inputs} == {half.uuid for half in halves}


@pytest.mark.parametrize(
    ("stokes", "rotation", "angle"),
    [
        ((1, 1, 0, 0), 0, 0),
        ((1, -1, 0, 0), 0, 90),
        ((1, 0, 1, 0), 0, 45),
        ((1, 1, 0, 0), 90, 90),
        ((1, 1, 0, 0), 180, 0),
    ],
)
def test_the_sample_sees_the_polarisation_less_its_own_rotation(
    stokes: tuple[float, ...], rotation: float, angle: float
) -> None:
    found = records.polarization_angle(np.array([stokes]), np.deg2rad(rotation))
    assert np.rad2deg(found) == pytest.approx(angle, abs=1e-9)
