"""The reference scan is what it says: counts of its own truth, in the stated geometry."""

import numpy as np
import pytest

from picpxct_nx.simulate.reference import (
    COMPACT,
    MARGIN,
    crystal_grains,
    fermat_spiral,
    reference_scan,
    zone_plate_probe,
)


@pytest.mark.parametrize("subpixel", [False, True])
def test_frames_are_poisson_counts_of_the_truth(subpixel: bool) -> None:
    scan = reference_scan(12, 64, photons=1e6, subpixel=subpixel)
    k = np.fft.fftfreq(64)
    deviation = []
    for frame, position in zip(scan.frames, scan.positions_px, strict=True):
        row, column = np.rint(position).astype(int)
        down, right = position - np.rint(position)
        turn = np.exp(-2j * np.pi * (k[:, None] * down + k * right))
        probe = np.fft.ifft2(np.fft.fft2(scan.probe[0]) * turn)
        wave = np.fft.fft2(probe * scan.object[row : row + 64, column : column + 64], norm="ortho")
        expected = np.fft.fftshift(np.abs(wave) ** 2)
        bright = expected > 10
        deviation.append((frame[bright] - expected[bright]) / np.sqrt(expected[bright]))
    noise = np.concatenate(deviation)
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(1, abs=0.03)


def test_probe_carries_the_photons_and_the_start_probe_the_counts() -> None:
    scan = reference_scan(12, 64, photons=1e6)
    assert np.sum(np.abs(scan.probe) ** 2) == pytest.approx(1e6, rel=1e-4)
    assert np.sum(np.abs(scan.probe_start) ** 2) == pytest.approx(scan.frames.sum(dtype=float) / 12, rel=1e-4)


def test_positions_keep_windows_and_margin_inside_the_object() -> None:
    scan = reference_scan(12, 64, subpixel=True)
    assert scan.positions_px.min() == MARGIN
    assert (scan.positions_px.max(axis=0) + 64 + MARGIN <= scan.object.shape).all()
    assert (scan.positions_px % 1 != 0).any()
    assert (reference_scan(12, 64).positions_px % 1 == 0).all()


def test_same_seed_makes_the_same_scan_and_another_does_not() -> None:
    first, second, other = reference_scan(4, 32), reference_scan(4, 32), reference_scan(4, 32, seed=2)
    assert np.array_equal(first.frames, second.frames)
    assert not np.array_equal(first.frames, other.frames)


def test_spirals_points_have_the_stated_area_each() -> None:
    points = fermat_spiral(400, 3.0)
    radius = np.hypot(*points.T)
    assert np.pi * radius.max() ** 2 / 400 == pytest.approx(9.0, rel=0.01)
    distance = np.hypot(*(points[:, None] - points[None]).T) + 1e9 * np.eye(400)
    assert distance.min() > 0.6 * 3.0


def test_probes_spot_has_the_stated_diameter() -> None:
    dose = np.abs(zone_plate_probe(128)) ** 2
    axis = np.arange(128) - 64
    radius = np.hypot(axis[:, None], axis)
    assert dose[radius <= COMPACT.spot * 128 / 2 + 4].sum() / dose.sum() > 0.9
    assert dose[radius <= COMPACT.spot * 128 / 4].sum() / dose.sum() < 0.5
    assert COMPACT.step * COMPACT.spot * 128 < COMPACT.spot * 128 / 4  # neighbours overlap by far more than half


def test_grains_are_matter() -> None:
    grains = crystal_grains((160, 150), 9.0, np.random.default_rng(0))
    assert grains.shape == (160, 150)
    assert np.abs(grains).max() <= 1.0
    assert np.abs(grains).min() > np.exp(-0.31)
    assert -1.2 < np.angle(grains).min() < -0.5
    assert np.angle(grains).mean() == pytest.approx(-0.45, abs=0.1)
