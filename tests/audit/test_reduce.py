"""A scan that is made small keeps its counts, its beam in the middle, and the sample in view."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.audit.reduce import MOST_PIXELS, reduce
from picpxct_nx.geometry import make_problem
from picpxct_nx.illumination import object_pixel, start_probe
from picpxct_nx.records import Scan


def _large(scan: Scan, side: int, pixel: float) -> Scan:
    """A scan of the same optics on a larger detector: dim outside of the cone, and a hot frame at the end."""
    rng = np.random.default_rng(0)
    frames = rng.poisson(0.001, (30, side, side))
    y, x = np.indices((side, side)) - side // 2
    cone = np.hypot(y, x) * pixel < 0.9e-3
    frames[:, cone] += rng.poisson(50, (30, int(cone.sum())))
    frames[-6:, cone] += rng.poisson(80, (6, int(cone.sum())))
    place = 1e-6 * np.arange(30)
    return replace(
        scan, frames=frames.astype(np.uint16), pixel_mask=np.zeros((side, side), np.int32), x_pixel_size=pixel,
        y_pixel_size=pixel, beam_center_x=side // 2 * pixel, beam_center_y=side // 2 * pixel, stage_x=place,
        stage_y=0 * place, frame=np.arange(30), monitor=None,
    )  # fmt: skip


def test_a_small_scan_stays_as_it_is(scan: Scan) -> None:
    small = reduce(scan)
    assert small.binned == 1
    np.testing.assert_array_equal(small.scan.frames, scan.frames)
    np.testing.assert_array_equal(small.start, start_probe(scan))


@pytest.mark.parametrize("side", [300, 301])
def test_pixels_are_binned_while_the_probe_fits_and_object_pixels_stay(scan: Scan, side: int) -> None:
    large = _large(scan, side, 10e-6)
    small = reduce(large)
    rows, columns = small.scan.frames.shape[1:]
    assert small.binned > 1
    assert rows <= MOST_PIXELS * 1.1
    assert rows % 2 == columns % 2 == 0
    lost = 1 - np.asarray(small.scan.frames).sum() / np.asarray(large.frames).sum()
    assert 0 <= lost < 0.01
    assert small.scan.beam_center_y == pytest.approx(rows // 2 * small.scan.y_pixel_size)
    # Up to what the cut takes, and then the pixel grows with the cut and not with the bins.
    expected = object_pixel(large)[0] * side / (rows * small.binned)
    assert object_pixel(small.scan)[0] == pytest.approx(expected)
    problem, _ = make_problem(small.scan)
    light = np.abs(np.fft.fftshift(np.fft.fft2(small.start[0]))) ** 2
    assert light[problem.pupil].sum() > 0.98 * light.sum()


def test_a_bin_with_a_bad_pixel_is_bad(scan: Scan) -> None:
    large = _large(scan, 300, 10e-6)
    mask = np.zeros((300, 300), np.int32)
    mask[150, 150] = 1
    assert (reduce(replace(large, pixel_mask=mask)).scan.pixel_mask != 0).sum() == 1


def test_the_frames_that_are_taken_lie_together_where_they_differ(scan: Scan) -> None:
    taken = reduce(_large(scan, 64, 75e-6), most_frames=10).frames
    assert len(taken) == 10
    assert np.ptp(taken) == 9
    assert taken.max() >= 24
