"""Score of normalised spectra: the true ones have no error, and planted errors are found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.score.spectra import Windows, departures, judge, scales
from picpxct_nx.score.truth import Experiment, in_sample_frame
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.spectra import optical_constants

PIXEL = 49e-9
EDGE = 5483.4


@pytest.fixture
def record(experiment: Experiment) -> NormalizedCube:
    """Spectra as they are, written down here from the definitions; the sample is displaced by 1.5 px."""
    y, x = phantom.axes((84, 84), PIXEL)
    label, thickness = in_sample_frame(experiment.scans[0], y, x, np.array([1.5 * PIXEL, 0]))
    common = experiment.common
    energies = common.energy_ev
    spectra = np.zeros((2, 2, len(energies), *label.shape))
    for p, angle in enumerate((0.0, np.pi / 2)):
        for grain in range(1, len(common.azimuth)):
            w = (np.cos(common.tilt[grain]) * np.cos(common.azimuth[grain] - angle)) ** 2
            mu, phi = (
                (c[1] + w * (c[0] - c[1])) * energies * sign for c, sign in ((common.beta, 1), (common.delta, -1))
            )
            spectra[0, p, :, label == grain] = mu - mu[0]
            spectra[1, p, :, label == grain] = phi - np.interp(energies, energies[[0, -1]], phi[[0, -1]])
    # One step and one drop a thickness for all: those of the mean spectrum.
    for kind, place in ((0, 3), (1, 2)):
        spectra[kind] /= np.average(spectra[kind, :, place], weights=np.tile(thickness * (label > 0), (2, 1, 1)))
    maps = np.ones((2, *label.shape))
    return NormalizedCube(
        entry="spectra", title="x", thickness_by="none", edge_energy_ev=EDGE, pre_edge_ev=np.array([-25.0, -20.0]),
        post_edge_ev=np.array([20.0, 35.0]), measured_energy_ev=np.tile(energies, (2, 1)), sample="x",
        stokes=np.tile([1.0, 1, 0, 0], (2, 1)), rotation=np.array([0.0, -np.pi / 2]), xanes=spectra[0],
        polarization_angle=np.array([0.0, np.pi / 2]), energy_ev=energies, y=y, x=x, xpnes=spectra[1], edge_step=maps,
        phase_drop=maps, thickness=thickness * maps, mask=np.tile(np.where(label > 0, 0, 2), (2, 1, 1)),
    )  # fmt: skip


def figures(record: NormalizedCube, experiment: Experiment) -> dict[str, Any]:
    return {figure.name: figure.value for figure in judge(record, experiment)}


def test_true_spectra_have_no_error(record: NormalizedCube, experiment: Experiment) -> None:
    found = figures(record, experiment)
    for p in (0, 1):
        assert found[f"xanes_max_p{p}"] < 0.01
        assert found[f"xpnes_max_p{p}"] < 0.01
        assert found[f"xanes_grains_p{p}"] < 0.02
        assert abs(found[f"thickness_bias_p{p}"]) < 0.5
        assert found[f"thickness_rms_p{p}"] < 3


def test_a_field_that_ends_within_the_particle_is_judged_where_it_is(
    record: NormalizedCube, experiment: Experiment
) -> None:
    mask = np.array(record.mask)
    mask[:, 48:] = 4
    for thickness in (record.thickness, None):
        step = np.array(record.thickness) * 0.09e6
        found = figures(replace(record, mask=mask, thickness=thickness, edge_step=step), experiment)
        assert found["xanes_max_p0"] < 0.02
        if thickness is not None:
            assert abs(found["thickness_bias_p0"]) < 0.5
            assert found["thickness_rms_p0"] < 3


def test_errors_of_one_polarisation_are_its_own(record: NormalizedCube, experiment: Experiment) -> None:
    xanes, thickness = np.array(record.xanes), np.array(record.thickness)
    xanes[1, 1] += 0.1
    thickness[1] *= 1.05
    found = figures(replace(record, xanes=xanes, thickness=thickness), experiment)
    assert found["xanes_max_p0"] < 0.01
    assert found["xanes_max_p1"] == pytest.approx(0.1, abs=0.01)
    assert found["xanes_rms_p1"] == pytest.approx(0.05, abs=0.005)
    assert found["thickness_bias_p1"] == pytest.approx(5, abs=0.5)


def test_spectra_of_swapped_polarisations_are_wrong(record: NormalizedCube, experiment: Experiment) -> None:
    swapped = replace(record, xanes=np.array(record.xanes)[::-1])
    found = figures(swapped, experiment)
    # The axes of the grains point everywhere: the mean of all hides most of it, that of each grain does not.
    assert found["xanes_grains_p0"] > 0.1
    assert found["xanes_rms_p0"] < 0.2 * found["xanes_grains_p0"]


def test_impure_light_sees_less_of_the_dichroism(record: NormalizedCube, experiment: Experiment) -> None:
    half = replace(record, stokes=np.tile([1.0, 0, 0, 0], (2, 1)))
    mean = np.array(record.xanes).mean(axis=0)
    found = figures(replace(half, xanes=np.stack([mean, mean])), experiment)
    assert found["xanes_max_p0"] < 0.01


def test_missing_energies_do_not_count(record: NormalizedCube, experiment: Experiment) -> None:
    measured, xanes = np.array(record.measured_energy_ev), np.array(record.xanes)
    measured[0, 1], xanes[0, 1] = np.nan, np.nan
    assert figures(replace(record, measured_energy_ev=measured, xanes=xanes), experiment)["xanes_max_p0"] < 0.01


def test_xanes_is_one_behind_the_edge_and_xpnes_at_it() -> None:
    energies = np.arange(5460.0, 5520.5, 0.5)
    constants = optical_constants(energies)
    windows = Windows(energies < 5466, energies > 5508)
    xanes, xpnes = departures(constants.delta_perpendicular, constants.beta_perpendicular, energies, windows)
    step, drop = scales(xanes, xpnes, energies, windows)
    assert xanes[windows.pre].mean() == pytest.approx(0, abs=1e-12)
    assert xanes[windows.post].mean() == step
    # Matter retards less at the edge: the phase, which is negative, comes nearest to zero.
    assert energies[np.argmax(xpnes)] == pytest.approx(5482, abs=1)
    assert 0.8 * xpnes.max() < drop < xpnes.max()


def test_an_energy_beyond_the_truth_is_refused(record: NormalizedCube, experiment: Experiment) -> None:
    other = replace(record, energy_ev=record.energy_ev + np.array([0, 2, 0, 0]))
    with pytest.raises(InputError, match=r"the truth says nothing of 5473.0 eV \(1 energies\)"):
        judge(other, experiment)


def test_windows_without_energies_are_refused(record: NormalizedCube, experiment: Experiment) -> None:
    with pytest.raises(InputError, match=r"no energy lies between 5473.4 and 5478.4 eV"):
        judge(replace(record, pre_edge_ev=np.array([-10.0, -5.0])), experiment)
