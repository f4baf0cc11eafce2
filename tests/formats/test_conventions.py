"""Conventions: a chiral scan survives the axes, signs, units and orders of other programs."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.formats import ImportOptions
from picpxct_nx.records import Scan

from .conftest import PIXEL_X, PIXEL_Y, SHAPE, Truth, columns, object_pixel, turn, turn_about_middle, turned_point

ORIENTATIONS = [
    (f"{a}{first}", f"{b}{second}") for first, second in ("yx", "xy") for a, b in itertools.product("+-", repeat=2)
]
Check = Callable[[Scan], None]


def load(path: Path, given: dict[str, str], axes: str, **options: Any) -> Scan:
    """Import a npz file; the frames are read."""
    keys = "data=data,positions=scan" + (",probe=probe" if "probe" in np.load(path).files else "")
    with formats.read(path, keys=keys, axes=axes) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions(**options))
        return replace(scan, frames=scan.frames[...])


def through_file(scan: Scan, path: Path) -> Scan:
    """The scan as it comes back from a file of ours."""
    nexus.write(path, [scan])
    with nexus.open_valid(path, "scan") as file:
        again = nexus.read(file, scan.entry)
        assert isinstance(again, Scan)
        return replace(again, frames=again.frames[...])


@pytest.mark.parametrize("what", ["probe", "stage"])
@pytest.mark.parametrize("order", ORIENTATIONS)
def test_positions_of_any_sign_and_order_give_the_same_physics(
    truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path, what: str, order: tuple[str, str]
) -> None:
    np.savez(tmp_path / "a.npz", data=truth.frames, scan=columns(truth.beam, what, order, 1e-3))
    same_physics(load(tmp_path / "a.npz", given, f"{what}:{order[0]},{order[1]}:mm"))


@pytest.mark.parametrize("turned", ORIENTATIONS)
def test_frames_in_any_orientation_give_the_same_physics(
    truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path, turned: tuple[str, str]
) -> None:
    np.savez(
        tmp_path / "a.npz",
        data=turn(truth.frames, turned),
        probe=turn_about_middle(truth.probe, turned),
        scan=columns(truth.beam, "stage", ("+x", "+y"), 1e-6),
    )
    center = ",".join(str(v) for v in turned_point((SHAPE[0] // 2, SHAPE[1] // 2), SHAPE, turned))
    scan = load(tmp_path / "a.npz", given, f"stage:+x,+y:um;frames:{turned[0]},{turned[1]}", center=center)
    same_physics(scan)
    assert (scan.beam_center_y / PIXEL_Y, scan.beam_center_x / PIXEL_X) == pytest.approx((16, 12))
    assert scan.start_probe is not None
    np.testing.assert_allclose(scan.start_probe[0], truth.probe)


@pytest.mark.parametrize("turned", ORIENTATIONS)
def test_zero_frequency_in_the_corner_is_brought_to_the_middle(
    truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path, turned: tuple[str, str]
) -> None:
    corner = np.fft.ifftshift(turn_about_middle(truth.frames, turned), (-2, -1))
    np.savez(tmp_path / "a.npz", data=corner, scan=columns(truth.beam, "probe", ("+y", "+x"), truth.pixel))
    axes = f"probe:+y,+x:pixel;frames:{turned[0]},{turned[1]}"
    scan = load(tmp_path / "a.npz", given, axes, center="corner")
    same_physics(scan)
    assert scan.beam_center_y == pytest.approx(16 * PIXEL_Y)
    assert scan.beam_center_x == pytest.approx(12 * PIXEL_X)


def test_an_error_of_one_sign_is_seen(truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", data=truth.frames, scan=columns(truth.beam, "probe", ("+y", "+x"), 1e-6))
    with pytest.raises(AssertionError):
        same_physics(load(tmp_path / "a.npz", given, "probe:+y,-x:um"))


@pytest.mark.parametrize("turned", [("+y", "+x"), ("-y", "-x"), ("+x", "-y")])
@pytest.mark.parametrize("center", ["auto", "given"])
def test_frames_are_cut_around_a_beam_off_the_middle(
    truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path, turned: tuple[str, str], center: str
) -> None:
    large = np.zeros((8, 50, 44))
    large[:, 3 : 3 + SHAPE[0], 14 : 14 + SHAPE[1]] = truth.frames
    beam = (3 + SHAPE[0] // 2, 14 + SHAPE[1] // 2)
    # Object pixels of the frames as given, before they are cut.
    np.savez(
        tmp_path / "a.npz",
        data=turn(large, turned),
        scan=columns(truth.beam, "probe", ("+x", "+y"), object_pixel((50, 44))),
    )
    point = ",".join(str(v) for v in turned_point(beam, (50, 44), turned))
    axes = f"probe:+x,+y:pixel;frames:{turned[0]},{turned[1]}"
    scan = load(tmp_path / "a.npz", given, axes, center="auto" if center == "auto" else point, crop="32x24")
    scan = through_file(scan, tmp_path / "a.nxs")
    same_physics(scan)
    assert (scan.beam_center_y / PIXEL_Y, scan.beam_center_x / PIXEL_X) == pytest.approx((16, 12))


def test_a_probe_is_cut_in_fourier_space_as_the_frames_are(
    truth: Truth, given: dict[str, str], same_physics: Check, tmp_path: Path
) -> None:
    wave = np.zeros((48, 40), complex)
    wave[8 : 8 + SHAPE[0], 8 : 8 + SHAPE[1]] = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(truth.probe), norm="ortho"))
    fine = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(wave), norm="ortho"))
    frames = np.zeros((8, 48, 40))
    frames[:, 8 : 8 + SHAPE[0], 8 : 8 + SHAPE[1]] = truth.frames
    np.savez(tmp_path / "a.npz", data=frames, probe=fine, scan=columns(truth.beam, "probe", ("+y", "+x"), 1.0))
    scan = load(tmp_path / "a.npz", given, "probe:+y,+x:m", crop="32x24")
    same_physics(scan)
    assert scan.start_probe is not None
    assert scan.start_probe_y is not None
    np.testing.assert_allclose(scan.start_probe[0], truth.probe, atol=1e-9)
    assert np.diff(scan.start_probe_y) == pytest.approx(truth.pixel[0])
    assert scan.start_probe_y[SHAPE[0] // 2] == 0
