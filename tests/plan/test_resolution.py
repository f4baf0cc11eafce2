"""Resolution foreseen from photons alone: what a ring correlation of two noisy images finds."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.images.frc import FrcOptions, frc
from picpxct_nx.plan.resolution import fluence_for, half_period, phase_spectrum
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.equipment import specimen
from picpxct_nx.simulate.presets import PAPER, TUTORIAL


@pytest.mark.parametrize("fluence", [1e16, 1e17])
def test_two_noisy_images_resolve_what_is_foreseen(fluence: float) -> None:
    found = phase_spectrum(PAPER, 5460.0, 0)
    side = found.rings.index.shape[0]
    seen = phantom.project(specimen(PAPER, 0), shape=(side, side), pixel_size=found.pixel)
    clean = phantom.transmission(seen, energy_ev=5460.0, polarisation=0.0)
    sigma, rng = 1 / (2 * np.sqrt(fluence * found.pixel**2)), np.random.default_rng(0)
    pair = [clean + sigma * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape)) for _ in "ab"]
    options = FrcOptions(taper_px=20, align=False, ramp=False)
    measured = frc(pair[0], pair[1], pixel=found.pixel, options=options).smoothed_half_period
    assert half_period(found, fluence, 1.0) == pytest.approx(measured, rel=0.2)


def test_more_photons_resolve_more_and_so_many_resolve_what_is_wanted() -> None:
    found = phase_spectrum(PAPER, 5460.0, 0)
    halves = [half_period(found, fluence, 1.0) for fluence in (1e15, 1e16, 1e17, 1e18)]
    assert halves == sorted(halves, reverse=True)
    for wanted in (60e-9, 150e-9):
        enough = fluence_for(found, wanted, 1.0)
        assert half_period(found, enough, 1.0) <= wanted
        assert half_period(found, enough * 0.9, 1.0) > wanted
        assert fluence_for(found, wanted, 2.0) == pytest.approx(4 * enough, rel=0.03)


def test_bright_images_resolve_the_pixel_and_dark_ones_nothing() -> None:
    found = phase_spectrum(replace(TUTORIAL, exposures=()), 5471.0, 0)
    assert half_period(found, 1e22, 1.0) == found.pixel
    assert half_period(found, 1e6, 1.0) == float("inf")


def test_the_papers_scans_resolve_the_pixel_as_in_the_reference() -> None:
    # Reference: phase images of two scans of 1e6 Gy at 5460 eV agree to the pixel of 48.8 nm.
    assert half_period(phase_spectrum(PAPER, 5460.0, 0), 1.84e20, 1.0) == pytest.approx(48.82e-9, rel=1e-3)
