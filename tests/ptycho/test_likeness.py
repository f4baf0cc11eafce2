"""What no frame can tell is no difference between two objects."""

import numpy as np
import pytest

from picpxct_nx.ptycho.likeness import _shifted, difference
from picpxct_nx.simulate.reference import ReferenceScan

MARGIN = 25


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.1, -0.4), (-1.3, 0.6), (5.0, -7.0), (4.4, 3.7)])
def test_scale_ramp_and_shift_are_removed(scan: ReferenceScan, shift: tuple[float, float]) -> None:
    image = scan.object
    weight = np.zeros(image.shape)
    weight[MARGIN:-MARGIN, MARGIN:-MARGIN] = 1
    rows = np.arange(image.shape[0])[:, None] / image.shape[0]
    turned = 1.3 * _shifted(image.astype(np.complex128), shift) * np.exp(0.4j + 0.3j * rows)
    apart, scale = difference(turned.astype(np.complex64), image, weight)
    assert np.abs(apart[weight > 0]).max() < 0.01
    assert scale == pytest.approx(1 / 1.3, rel=1e-3)


def test_a_ramp_of_the_modulus_counts_unless_it_is_free(scan: ReferenceScan) -> None:
    image = scan.object
    columns = np.linspace(-0.5, 0.5, image.shape[1])
    found, weight = (image * np.exp(0.1 * columns)).astype(np.complex64), np.ones(image.shape)
    counted, free = (difference(found, image, weight, modulus_ramp=ramp)[0] for ramp in (False, True))
    assert np.abs(counted).max() > 0.01
    assert np.abs(free).max() < 1e-4


def test_what_the_frames_tell_stays(scan: ReferenceScan) -> None:
    rng = np.random.default_rng(0)
    noise = 0.01 * (rng.normal(size=scan.object.shape) + 1j * rng.normal(size=scan.object.shape))
    apart, _ = difference((scan.object + noise).astype(np.complex64), scan.object, np.ones(scan.object.shape))
    assert np.std(apart) == pytest.approx(np.std(noise), rel=0.01)
