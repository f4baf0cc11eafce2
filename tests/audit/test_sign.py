"""Matter retards and absorbs, air lies around it, and a probe knows its defocus: each tells an object from its twin."""

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.audit import sign
from picpxct_nx.values import Array


def _object(ratio: float, depth: float = 1.0, noise: float = 0.003) -> Array:
    """A lobed particle in air, with a ramp and a factor as reconstructions have them."""
    rng = np.random.default_rng(0)
    y, x = np.indices((90, 90)) - 45.0
    edge = np.clip((20 + 5 * np.cos(np.arctan2(y, x) + 1) - np.hypot(y, x)) / 3, 0, 1)
    thickness = edge * (0.7 + 0.2 * ndimage.gaussian_filter(rng.normal(size=(90, 90)), 3) * 10)
    image = np.exp(-(1j + ratio) * depth * thickness) * 1.3 * np.exp(1j * (0.4 + 0.05 * y - 0.08 * x))
    return np.asarray(image + noise * (rng.normal(size=image.shape) + 1j * rng.normal(size=image.shape)))


DOSE = np.pad(np.ones((80, 80)), 5)


@pytest.mark.parametrize("ratio", [0.03, 0.1])
def test_the_slope_of_modulus_on_phase_is_beta_over_delta(ratio: float) -> None:
    found = sign.matter(_object(ratio), DOSE)
    slope, sigma = (float(text) for text in found.says.partition("(")[2].partition(")")[0].split("+-"))
    assert slope == pytest.approx(ratio, abs=4 * sigma)
    assert sigma < ratio / 4
    assert found.log_odds > 4


def test_twins_say_the_opposite() -> None:
    image = _object(0.05)
    for witness in (sign.matter, sign.air):
        assert witness(image.conj(), DOSE).log_odds == pytest.approx(-witness(image, DOSE).log_odds, abs=1e-6)


def test_air_speaks_where_absorption_does_not() -> None:
    assert abs(sign.matter(_object(0.0), DOSE).log_odds) < 2.5
    assert sign.air(_object(0.0), DOSE).log_odds > 1  # three to one


def test_matter_without_absorption_or_structure_says_nothing() -> None:
    flat = np.ones((90, 90), complex)
    assert sign.matter(flat, DOSE).log_odds == 0
    assert sign.air(flat, DOSE).log_odds == 0
    assert sign.matter(flat, np.pad(np.ones((8, 8)), 41)).log_odds == 0


def _probe(defocus: float) -> Array:
    q = np.hypot(*(np.indices((48, 48)) - 24.0)) / 24
    # A rim that is not round, so that the probe has a twin in focus as well.
    pupil = ((q < 0.6) & (np.indices((48, 48))[0] > 14)) * np.exp(-1j * defocus * q**2)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil)))[None]


def test_the_twin_of_the_twin_is_the_probe_and_far_fields_of_twins_are_conjugate() -> None:
    probe = _probe(20.0)
    np.testing.assert_allclose(sign.twin(sign.twin(probe)), probe)
    far, of_twin = (np.fft.fft2(np.fft.ifftshift(p, (1, 2))) for p in (probe, sign.twin(probe)))
    np.testing.assert_allclose(of_twin, far.conj(), atol=1e-12)


def test_a_defocus_of_the_other_sign_is_noticed_wherever_the_probe_lies() -> None:
    moved = np.roll(_probe(25.0), (3, -2), (1, 2))
    assert sign.defocus(moved, _probe(20.0), 1e-6).log_odds > 3
    assert sign.defocus(moved, _probe(-20.0), 1e-6).log_odds < -3
    assert sign.defocus(moved, _probe(0.0), 1e-6).log_odds == 0


def test_a_probe_says_nothing_where_the_twin_fits_as_well() -> None:
    assert sign.defocus(_probe(20.0), _probe(20.0), 1.0).log_odds == 0
