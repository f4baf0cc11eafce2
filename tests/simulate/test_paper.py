"""The paper's experiment: its published numbers, and those of the reference calculation."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.simulate import exposure, layout, optics, spectra
from picpxct_nx.simulate.doubts import doubts, thickest
from picpxct_nx.simulate.equipment import equip
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.presets import PAPER

FEW = replace(PAPER, n_positions=3, supersampling=1)


def test_it_is_120_scans_of_624_frames_of_440_pixels() -> None:
    assert len(PAPER.energies_ev) == len(set(PAPER.energies_ev)) == 60
    assert (min(PAPER.energies_ev), max(PAPER.energies_ev)) == (5460.0, 5520.0)
    assert np.rad2deg(PAPER.rotations) == pytest.approx([0, 90])
    assert (PAPER.n_positions, PAPER.frame_size, PAPER.count_time) == (624, 440, 0.1)
    near = [energy for energy in PAPER.energies_ev if 5466 <= energy < 5486]
    assert np.diff(near) == pytest.approx(0.5)


def test_pixel_is_48_82_nm_at_5460_ev_and_1_1_per_cent_less_at_5520() -> None:
    assert layout.object_pixel_size(PAPER, 5460.0) == pytest.approx(48.82e-9, abs=5e-12)
    assert layout.object_pixel_size(PAPER, 5520.0) == pytest.approx(48.29e-9, abs=5e-12)


def test_spiral_has_the_radius_area_and_neighbours_of_the_reference() -> None:
    y, x = layout.fermat_spiral(624, 0.6e-6)
    radius = np.hypot(y, x).max()
    assert radius == pytest.approx(8.54e-6, abs=0.01e-6)
    assert np.pi * radius**2 == pytest.approx(229e-12, rel=0.002)
    assert layout.area_per_position(0.6e-6) == pytest.approx(0.367e-12, rel=0.003)
    gap = np.hypot(y[:, None] - y, x[:, None] - x) + np.diag(np.full(624, np.inf))
    assert np.median(gap.min(axis=1)) == pytest.approx(0.578e-6, abs=0.01e-6)


def test_a_million_gray_at_5460_ev_is_1_84e8_photons_per_square_micron() -> None:
    assert exposure.dose(PAPER, 5460.0) == pytest.approx(1e6, rel=0.01)
    assert exposure.fluence(PAPER, 5460.0) * 1e-12 == pytest.approx(1.84e8, rel=0.02)
    assert PAPER.photon_rate == pytest.approx(6.8e8, rel=0.01)
    assert exposure.photon_rate_for(PAPER, 1e6) == pytest.approx(PAPER.photon_rate, rel=0.01)
    pixel = layout.object_pixel_size(PAPER, 5460.0)
    assert exposure.fluence(PAPER, 5460.0) * pixel**2 == pytest.approx(4.4e5, rel=0.02)
    for energy, factor in ((5471.0, 4.0), (5494.0, 6.1), (5520.0, 5.4)):
        assert exposure.dose(PAPER, energy) / exposure.dose(PAPER, 5460.0) == pytest.approx(factor, rel=0.03)
    first, total = exposure.doses(PAPER)
    assert first == exposure.dose(PAPER, 5460.0)
    # The reference, on energies of its own, says 3.6e8 Gy.
    assert total == pytest.approx(3.6e8, rel=0.2)


def test_zone_plate_focuses_as_in_the_reference() -> None:
    focal = [optics.focal_length(PAPER.zone_plate, spectra.wavelength(energy)) for energy in (5460.0, 5520.0)]
    assert focal == pytest.approx([31.71e-3, 32.06e-3], abs=0.01e-3)


def test_beam_follows_the_focus_or_shrinks_where_it_does_not() -> None:
    assert layout.defocus(PAPER, 5460.0) == pytest.approx(1.321e-3, rel=1e-3)
    assert layout.defocus(PAPER, 5520.0) == pytest.approx(1.336e-3, rel=1e-3)
    assert layout.beam_width(PAPER, 5520.0) == pytest.approx(5e-6)
    left = replace(PAPER, refocus=0)
    assert layout.beam_width(left, 5460.0) == pytest.approx(5e-6)
    assert layout.beam_width(left, 5520.0) == pytest.approx(3.64e-6, rel=0.01)
    np.testing.assert_allclose(simulate_scan(replace(FEW, refocus=0), 5520.0, 0.0).defocus, 0.972e-3, rtol=0.01)


def test_mean_delta_is_ten_times_mean_beta() -> None:
    delta, beta = spectra.along(spectra.optical_constants(np.arange(5460.0, 5520.1, 1.0)), 1 / 3)
    assert delta.mean() / beta.mean() == pytest.approx(12.2, rel=0.02)


def test_counts_are_those_of_the_reference() -> None:
    scan = simulate_scan(FEW, 5460.0, 0.0)
    seen = scan.pixel_mask == 0
    assert 1e3 < scan.frames.max() < 3e3
    assert np.mean(scan.frames[:, seen] == 0) == pytest.approx(0.45, abs=0.08)
    cone = np.abs(np.fft.fftshift(np.fft.fft2(scan.truth.probe))).max(axis=0) > 1e3
    assert np.ptp(np.flatnonzero(cone)) == pytest.approx(358, abs=4)


def test_particle_is_thin_enough_for_the_scalar_model_and_nothing_else_is_doubtful() -> None:
    assert 2.5e-6 < thickest(PAPER, 0) <= 3.6e-6
    assert doubts(PAPER, 0) == []


def test_detector_has_gaps_and_dead_pixels_where_there_is_light() -> None:
    mask = equip(PAPER, 0).pixel_mask
    assert np.sum(mask & 2 != 0) == pytest.approx(2e-4 * 440**2, abs=1)
    y, x = np.indices(mask.shape) - 220
    assert 0.01 < np.mean(mask[np.hypot(y, x) < 179] & 1) < 0.1
