"""Light that changes its polarisation: known crystals, the order of grains, and how far the scalar model holds."""

import numpy as np
import pytest

from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.jones import Jones, jones
from picpxct_nx.simulate.particles import particle
from picpxct_nx.simulate.phantom import Grain, Phantom
from picpxct_nx.simulate.spectra import optical_constants, wavelength


def _slab(azimuth: float, bottom: float, top: float, tilt: float = 0.0) -> Grain:
    axis = np.array([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)])
    return Grain(np.concatenate([np.eye(3), -np.eye(3)]), np.array([1e-6, 1e-6, top, 1e-6, 1e-6, -bottom]), axis)


def _at_centre(*grains: Grain, energy_ev: float) -> np.ndarray:
    """Jones matrix (out, in) in the middle of the grains."""
    found = _jones(Phantom(grains), energy_ev, (3, 3), 50e-9)
    return np.array([[found.xx[1, 1], found.yx[1, 1]], [found.xy[1, 1], found.yy[1, 1]]])


def _jones(sample: Phantom, energy_ev: float, shape: tuple[int, int], pixel: float) -> Jones:
    seen = phantom.layers(sample, shape=shape, pixel_size=pixel)
    return jones(sample, seen, shape=shape, energy_ev=energy_ev)


def _by_definition(azimuth: float, thickness: float, energy_ev: float) -> np.ndarray:
    """R diag(t_parallel, t_perpendicular) R^T of a crystal with its axis in the plane."""
    found, k = optical_constants(energy_ev), 2 * np.pi / wavelength(energy_ev)
    parallel = np.exp(1j * k * thickness * (-found.delta_parallel[0] + 1j * found.beta_parallel[0]))
    across = np.exp(1j * k * thickness * (-found.delta_perpendicular[0] + 1j * found.beta_perpendicular[0]))
    turn = np.array([[np.cos(azimuth), -np.sin(azimuth)], [np.sin(azimuth), np.cos(azimuth)]])
    return np.asarray(turn @ np.diag([parallel, across]) @ turn.T)


def test_crystal_retards_along_and_across_its_axis() -> None:
    found = _at_centre(_slab(0.7, -2e-6, 1e-6), energy_ev=5470.0)
    np.testing.assert_allclose(found, _by_definition(0.7, 3e-6, 5470.0), atol=1e-12)


def test_light_meets_the_grain_with_the_lowest_z_first() -> None:
    near, far = (0.3, -3e-6, -1e-6), (1.2, -1e-6, 4e-6)
    expected = _by_definition(1.2, 5e-6, 5471.0) @ _by_definition(0.3, 2e-6, 5471.0)
    for grains in ((near, far), (far, near)):
        found = _at_centre(*(_slab(*grain) for grain in grains), energy_ev=5471.0)
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert abs(expected[0, 1] - expected[1, 0]) > 1e-3


def test_axis_along_the_beam_changes_no_polarisation() -> None:
    found = _at_centre(_slab(0.4, -1e-6, 1e-6, tilt=np.pi / 2), energy_ev=5471.0)
    assert abs(found[0, 1]) < 1e-12
    assert found[0, 0] == pytest.approx(found[1, 1])


@pytest.mark.parametrize(
    ("microns", "energy_ev", "crossed", "phase"),
    # Reference calculation: a crystal at 45 deg; share of the light that changes its polarisation, error of the phase.
    [
        (5, 5470.0, 0.018, -0.009), (5, 5471.0, 0.026, None),
        (10, 5470.0, 0.068, -0.036), (10, 5471.0, 0.092, None),
        (20, 5470.0, 0.23, -0.145), (20, 5471.0, 0.25, None),
    ],
)  # fmt: skip
def test_crystal_at_45_deg_passes_light_into_the_other_polarisation(
    microns: float, energy_ev: float, crossed: float, phase: float | None
) -> None:
    grain = _slab(np.pi / 4, 0.0, microns * 1e-6)
    (xx, _), (xy, _) = _at_centre(grain, energy_ev=energy_ev)
    assert abs(xy) ** 2 / (abs(xx) ** 2 + abs(xy) ** 2) == pytest.approx(crossed, rel=0.07)
    projection = phantom.project(Phantom((grain,)), shape=(3, 3), pixel_size=50e-9)
    scalar = phantom.transmission(projection, energy_ev=energy_ev, polarisation=0.0)[1, 1]
    if phase is not None:
        assert np.angle(xx / scalar) == pytest.approx(phase, rel=0.1)
    if (microns, energy_ev) == (20, 5471.0):
        assert np.log(abs(xx / scalar)) == pytest.approx(0.20, rel=0.1)


def test_aggregate_up_to_4_um_hardly_needs_it() -> None:
    sample = particle(
        "aggregate", size=(6e-6, 5e-6, 3.6e-6), n_grains=24, max_tilt=np.pi / 2, seed=np.random.SeedSequence(2)
    )
    shape, pixel = (64, 64), 100e-9
    projection = phantom.project(sample, shape=shape, pixel_size=pixel)
    assert 3e-6 < projection.thickness.max() <= 3.6e-6
    for energy_ev in (5470.0, 5471.0):
        found = _jones(sample, energy_ev, shape, pixel)
        scalar = phantom.transmission(projection, energy_ev=energy_ev, polarisation=0.0)
        assert np.abs(np.angle(found.xx / scalar)).max() < 4e-3
        assert (np.abs(found.xy / found.xx) ** 2).max() < 0.01
        assert np.all(found.xx[projection.thickness == 0] == 1)


def test_nothing_in_the_beam_changes_nothing() -> None:
    outside = Grain(np.concatenate([np.eye(3), -np.eye(3)]), np.array([9, 9, 1, -8, -8, 1]) * 1e-6, np.eye(3)[0])
    found = _jones(Phantom((outside,)), 5471.0, (8, 8), 50e-9)
    assert np.all(found.xx == 1)
    assert np.all(found.xy == 0)
