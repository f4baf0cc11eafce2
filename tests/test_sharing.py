"""Scans that share something: which belong together, and what is refused, by name and with both values."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from picpxct_nx.choice import Share
from picpxct_nx.errors import InputError
from picpxct_nx.records import Scan
from picpxct_nx.sharing import Group, groups, order
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.record import make_scan


@pytest.fixture(scope="module")
def first() -> Scan:
    few = ("frame_size=16", "n_positions=4", "step=0.1 um", "supersampling=1")
    return dataclasses.replace(
        make_scan(simulate_scan(configure("tutorial", few), 5460.0, 0.0), {}), entry="a", uuid="a"
    )


def _like(first: Scan, entry: str, **changes: Any) -> Scan:
    return dataclasses.replace(first, entry=entry, uuid=entry, **changes)


def _grouped(scans: list[Scan], share: Share) -> tuple[list[Group], list[str]]:
    told: list[str] = []
    found = groups(sorted(scans, key=order(share)), share, lambda _, error: told.append(str(error)))
    return list(found), told


def test_repeats_are_found_among_the_scans_of_a_spectrum(first: Scan) -> None:
    turned = {"rotation": np.deg2rad(90.02)}
    scans = [
        _like(first, "d", energy_ev=5471.1, **turned), _like(first, "c", energy_ev=5471.0), first,
        _like(first, "b", energy_ev=5460.1), _like(first, "e", energy_ev=5471.1, rotation=np.deg2rad(89.98)),
        _like(first, "f", energy_ev=5470.95),
    ]  # fmt: skip
    found, told = _grouped(scans, "object")
    assert [group.entries for group in found] == [("a", "b"), ("c", "f"), ("d", "e")]
    assert found[0].name == "a+1"
    assert not told
    found, told = _grouped(scans, "probe")
    assert [group.entries for group in found] == [("a", "b"), ("c", "d", "e", "f")]


def test_a_rotation_of_zero_is_one_however_its_encoder_rounds(first: Scan) -> None:
    around = [_like(first, name, rotation=np.deg2rad(angle)) for name, angle in (("b", -0.02), ("c", 359.99))]
    found, _ = _grouped([first, *around], "object")
    assert [group.entries for group in found] == [("a", "b", "c")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"energy_ev": 5461.0}, "b has the energy 5461.00 eV, it 5460.00 eV"),
        ({"sample": "other"}, "b is of the sample 'other', it of '"),
        ({"rotation": 0.1}, "b has the rotation 5.73 deg, it 0.00 deg"),
        ({"stokes": np.array([[1.0, 0.8, 0.0, 0.0]])}, "b has the Stokes vector (1, 0.8, 0, 0), it (1, 1, 0, 0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_scan_with_nothing_like_it_is_named_with_what_keeps_it_apart(
    first: Scan, change: dict[str, Any], says: str
) -> None:
    found, told = _grouped([first, _like(first, "b", **change)], "object")
    assert not found
    assert len(told) == 2
    text = next(line for line in told if line.startswith("a: "))
    assert says in text
    assert text.endswith("leave it out, or reconstruct it without scans.share")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"distance": 1.07}, "b/instrument/detector/distance: is 1.07 m; that of a 1.06 m"),
        ({"x_pixel_size": 55e-6}, "b/instrument/detector/x_pixel_size: is 55 um; that of a 75 um"),
        ({"outermost_zone_width": 60e-9}, "outermost_zone_width: is 60 nm; that of a 100 nm"),
        ({"defocus": 1e-3}, "b/instrument/zone_plate/defocus: is 1000 um; that of a "),
        ({"frames": np.ones((4, 32, 32), np.uint16)}, "frames are (32, 32); those of a (16, 16)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("share", ["object", "probe"])
def test_optics_and_frames_that_differ_are_named_with_both_values(
    first: Scan, share: Share, change: dict[str, Any], says: str
) -> None:
    scans = [first, _like(first, "b", **change), _like(first, "c")]
    found, told = _grouped(scans, share)
    assert [group.entries for group in found] == [("a", "c")]
    assert len(told) == 1
    assert says in told[0]
    assert told[0].endswith(f"wanted the same in all scans that share their {share}")


def test_one_scan_alone_shares_nothing(first: Scan) -> None:
    assert _grouped([first], "probe")[1] == [
        "a: has no other scan to share its probe with: there is no other scan; leave it out, or reconstruct it without "
        "scans.share"
    ]


def test_the_first_failure_stops_who_wants_it(first: Scan) -> None:
    def stop(_: Scan, error: InputError) -> None:
        raise error

    with pytest.raises(InputError, match="no other scan"):
        list(groups([first], "object", stop))
