"""Dose: the formula against published numbers, maps against closed forms, and what is missing is asked for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from picpxct_nx.dose.beam import beam_of, photon_rate, turned
from picpxct_nx.dose.choice import Choice, choose
from picpxct_nx.dose.fluence import fluence
from picpxct_nx.dose.record import accumulated, one_by_one
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import DoseMap, Record, Scan
from picpxct_nx.simulate.experiment import simulate_experiment
from picpxct_nx.simulate.presets import TUTORIAL
from picpxct_nx.simulate.record import make_scan
from picpxct_nx.spectra.attenuation import mass_attenuation, near_edge
from picpxct_nx.spectra.dose import fluence_of, surface_dose

FEW = replace(TUTORIAL, energies_ev=(5460.0, 5500.0), n_positions=60, supersampling=1)
PHOTONS = FEW.photon_rate * FEW.count_time


@pytest.fixture(scope="module")
def scans() -> list[Scan]:
    return [make_scan(scan, {}) for scan in simulate_experiment(FEW, seed=1)]


def raster(scan: Scan, side: int, step: float, **changes: Any) -> Scan:
    """The scan with its stage on a square raster."""
    y, x = (step * (axis.ravel() - (side - 1) / 2) for axis in np.indices((side, side)))
    frames = np.zeros((side * side, *scan.frames.shape[1:]), np.uint16)
    return replace(scan, stage_y=y, stage_x=x, frames=frames, monitor=None, **changes)


def test_a_million_gray_of_v2o5_take_the_photons_of_two_independent_calculations() -> None:
    below, above = mass_attenuation("V2O5", np.array([5460.0, 5500.0])).mass_attenuation
    # 1.84e8 and 2.00e8 photons / um^2 before the edge, by two tables; 3.34e7 above it.
    assert 1.84e8 < fluence_of(1e6, 5460.0, below) * 1e-12 < 2.00e8
    assert fluence_of(1e6, 5500.0, above) * 1e-12 == pytest.approx(3.34e7, rel=0.01)
    # The first is 6.8e7 photons a frame, 624 frames on 229 um^2, with the absorption of that calculation.
    assert surface_dose(np.array(624 * 6.8e7 / 229e-12), 5460.0, 6.21) == pytest.approx(1e6, rel=0.02)


def test_the_uncertainty_is_what_the_tables_differ_by() -> None:
    found = mass_attenuation("O5 V2", np.array([5460.0, 5500.0]))
    low, high = found.mass_attenuation[0] - found.sigma[0], found.mass_attenuation[0] + found.sigma[0]
    # Photoabsorption: Elam 55.7 cm^2/g, of 57.0 with scattering; Chantler 60.9.
    assert (low * 10, high * 10) == pytest.approx((55.73, 60.91), abs=0.02)
    assert found.sigma[1] / found.mass_attenuation[1] < 0.01


def test_tables_are_not_trusted_just_above_an_edge() -> None:
    edge = near_edge("V2O5", 5471.0)
    assert edge is not None
    assert (edge.element, edge.level, edge.energy_ev) == ("V", "K", 5465.0)
    assert edge.step == pytest.approx(6, rel=0.15)
    assert near_edge("V2O5", 5460.0) is None
    assert near_edge("V2O5", 5500.0) is None


def test_a_raster_gives_one_frame_of_photons_to_every_step_squared(scans: list[Scan]) -> None:
    scan = raster(scans[0], 14, 0.2e-6)
    found = fluence(scan, beam_of(scan, 0.8e-6), PHOTONS, 25e-9)
    middle = found.values.shape[0] // 2
    inside = found.values[middle - 16 : middle + 16, middle - 16 : middle + 16]
    assert inside.mean() == pytest.approx(PHOTONS / 0.2e-6**2, rel=0.01)
    assert found.values.sum() * found.pixel**2 == pytest.approx(14 * 14 * PHOTONS, rel=1e-6)


@pytest.mark.parametrize("rotation", [0.0, 0.3, np.pi / 2])
def test_no_photon_is_lost_and_their_middle_is_where_the_beam_met_the_sample(
    scans: list[Scan], rotation: float
) -> None:
    scan = replace(scans[0], rotation=rotation, stage_y=scans[0].stage_y + 1e-6)
    beam = beam_of(scan, 1e-6)
    found = fluence(scan, beam, PHOTONS, 50e-9)
    assert found.values.sum() * found.pixel**2 == pytest.approx(60 * PHOTONS, rel=1e-6)
    place = [np.average(found.axis(axis), weights=found.values.sum(axis=1 - axis)) for axis in (0, 1)]
    y, x = -scan.stage_y.mean(), -scan.stage_x.mean()
    # r_sample = R(-rotation) r_lab
    expected = [np.cos(rotation) * y - np.sin(rotation) * x, np.sin(rotation) * y + np.cos(rotation) * x]
    assert place == pytest.approx(expected, abs=2e-9)


def test_the_profile_turns_against_the_sample(scans: list[Scan]) -> None:
    beam = beam_of(scans[0], None)
    lopsided = replace(beam, intensity=np.zeros((64, 64)))
    lopsided.intensity[32 + 10, 32] = 1.0  # at +y in the laboratory
    quarter = turned(lopsided, beam.pixel[0], np.pi / 2)
    half = quarter.shape[0] // 2
    # A sample turned from x towards y by 90 deg meets it at its own +x.
    assert quarter[half, half + 10] == pytest.approx(1)


def test_the_monitor_says_how_the_photons_are_shared(scans: list[Scan]) -> None:
    weight = np.where(np.arange(60) == 7, 31.0, 0.5)
    scan = replace(scans[0], monitor=weight)
    found = fluence(scan, beam_of(scan, 0.3e-6), PHOTONS, 30e-9)
    top = np.unravel_index(found.values.argmax(), found.values.shape)
    assert found.axis(0)[top[0]] == pytest.approx(-scan.stage_y[7], abs=0.2e-6)
    assert found.values.sum() * found.pixel**2 == pytest.approx(60 * PHOTONS, rel=1e-6)


def test_flux_of_a_scan_is_that_of_its_zone_plates_cone(scans: list[Scan]) -> None:
    beam = beam_of(scans[0], None)
    assert beam.source == "zone-plate"
    assert beam.area == pytest.approx(np.pi / 4 * FEW.beam_diameter**2)
    rate, source = photon_rate(scans[0], beam, None)
    assert source == "scan"
    assert rate == pytest.approx(FEW.photon_rate)
    # The brightest frame saw next to nothing of the particle.
    rate, source = photon_rate(scans[0], beam, choose(flux="counts").flux)
    assert source == "counts"
    assert rate == pytest.approx(FEW.photon_rate, rel=0.01)
    assert photon_rate(scans[0], beam, choose(flux="6.8e8 Hz").flux)[0] == pytest.approx(6.8e8)
    assert photon_rate(scans[0], beam, choose(flux="3e7 1/s/um^2").flux)[0] == pytest.approx(3e19 * beam.area)


def test_a_start_probe_is_the_profile_where_there_is_one(scans: list[Scan]) -> None:
    axis = 20e-9 * (np.arange(32) - 16)
    probe = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 80e-9**2))[None] + 0j
    scan = replace(scans[0], start_probe=probe, start_probe_y=axis, start_probe_x=axis, defocus=None)
    beam = beam_of(scan, None)
    assert beam.source == "start-probe"
    # |P|^2 is Gaussian with s^2 = (80 nm)^2 / 2; (sum I)^2 / sum I^2 = 4 pi s^2.
    assert beam.area == pytest.approx(2 * np.pi * 80e-9**2, rel=0.01)


def test_dose_of_a_scan_is_fluence_times_energy_times_attenuation(scans: list[Scan]) -> None:
    record = one_by_one(scans[1], Choice())
    mu = mass_attenuation("V2O5", np.array([5500.0])).mass_attenuation[0]
    np.testing.assert_allclose(record.dose, surface_dose(np.asarray(record.fluence), 5500.0, mu), rtol=1e-5)
    # A Fermat spiral has about one point in each step squared; the rim of the field has less.
    assert record.mean_fluence == pytest.approx(PHOTONS / (np.pi * 0.57**2 * FEW.step**2), rel=0.2)
    assert record.mean_dose_sigma == pytest.approx(record.mean_dose * 0.0075, rel=0.1)
    assert (record.flux_from, record.beam_from, record.attenuation_from) == ("scan", "zone-plate", "tables")
    assert record.warnings is None


def test_doses_of_all_scans_add_up_in_the_frame_of_the_sample(scans: list[Scan]) -> None:
    (record,) = accumulated(scans, Choice())
    singles = [one_by_one(scan, Choice()) for scan in scans]
    assert list(record.scan_name) == [scan.entry for scan in scans]
    np.testing.assert_allclose(record.scan_mean_dose, [one.mean_dose for one in singles], rtol=0.02)
    assert record.mean_dose == pytest.approx(sum(one.mean_dose for one in singles), rel=0.05)
    assert record.scan_photons.sum() == pytest.approx(4 * 60 * PHOTONS)
    pixel = record.y[1] - record.y[0]
    assert record.fluence.sum() * pixel**2 == pytest.approx(4 * 60 * PHOTONS, rel=0.01)
    assert record.mean_dose_sigma is not None
    assert record.mean_dose_sigma / record.mean_dose == pytest.approx(0.013, abs=0.003)
    assert [step.command for step in record.history] == ["simulate"] * 4 + ["dose"]
    assert [source.uuid for source in record.history[-1].inputs] == [scan.uuid for scan in scans]


def test_two_samples_or_one_scan_twice_do_not_add_up(scans: list[Scan]) -> None:
    with pytest.raises(InputError, match="is given twice; its dose would count twice"):
        list(accumulated([scans[0], scans[0]], Choice()))
    other = replace(scans[1], sample="another", uuid="x")
    with pytest.raises(InputError, match="is of sample 'another'"):
        list(accumulated([scans[0], other], Choice()))


def test_scans_near_an_edge_are_warned_of_once_and_have_no_uncertainty(scans: list[Scan]) -> None:
    near = [replace(scans[0], energy_ev=energy, uuid=str(energy)) for energy in (5460.0, 5469.0, 5475.0)]
    (record,) = accumulated(near, Choice())
    assert record.warnings is not None
    (warning,) = record.warnings
    assert warning.startswith("2 scans from 5469.0 eV are near the V K edge")
    assert record.mean_dose_sigma is None
    assert record.scan_mass_attenuation_sigma is None


def test_measured_absorption_takes_the_place_of_tables(scans: list[Scan]) -> None:
    given = choose(mu="5500 eV: 0.113 1/um, 5460 eV: 0.0208 1/um", density="3.357 g/cm^3")
    assert one_by_one(scans[0], given).scan_mass_attenuation[0] == pytest.approx(0.0208e6 / 3357)
    between = replace(scans[0], energy_ev=5480.0)
    assert one_by_one(between, given).scan_mass_attenuation[0] == pytest.approx((0.0208 + 0.113) / 2 * 1e6 / 3357)
    with pytest.raises(InputError, match=r"--mu says nothing of 5510.0 eV; it reaches from 5460.0 to 5500.0 eV"):
        one_by_one(replace(scans[0], energy_ev=5510.0), given)
    by_mass = one_by_one(scans[0], choose(mu="57 cm^2/g"))
    assert by_mass.scan_mass_attenuation[0] == pytest.approx(5.7)
    assert by_mass.attenuation_from == "given"
    assert by_mass.mean_dose_sigma is None


@pytest.mark.parametrize(
    ("change", "choice", "message"),
    [
        ({"formula": None}, Choice(), r"chemical_formula: missing; give --formula, for example V2O5, or --mu"),
        ({"formula": "Unobtainium"}, Choice(), r"formula 'Unobtainium' is not understood"),
        ({"defocus": None}, Choice(), r"no beam: .*give its diameter with --beam"),
        ({"extra": {}}, Choice(), r"beam/flux: missing; give the photons a second with --flux"),
        ({"extra": {"instrument/beam/flux": -1.0}}, Choice(), r"flux: is -1.0; wanted a number above zero"),
        ({"count_time": 0.0}, Choice(), r"count_time: is 0.0; wanted a positive number"),
        ({}, choose(mu="0.02 1/um"), r"sample/density: missing; give --density"),
    ],
)
def test_what_is_missing_is_asked_for(scans: list[Scan], change: dict[str, Any], choice: Choice, message: str) -> None:
    with pytest.raises(InputError, match=message):
        one_by_one(replace(scans[0], **change), choice)


def test_frames_without_counts_say_nothing_of_the_flux(scans: list[Scan]) -> None:
    with pytest.raises(InputError, match="its frames hold no counts"):
        one_by_one(replace(scans[0], frames=np.zeros((60, 64, 64), np.uint16)), choose(flux="counts"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flux": "1e8"}, r"--flux '1e8' is not understood; wanted a quantity in Hz or 1/s/m\^2"),
        ({"flux": "-1 Hz"}, "--flux '-1 Hz' is not above zero"),
        ({"beam": "5 eV"}, "--beam: '5 eV'"),
        ({"density": "3.36 g"}, "--density: '3.36 g'"),
        ({"mu": "0.1 1/um, 0.2 1/um"}, "wanted one value, or 'ENERGY: VALUE' separated by commas"),
        ({"mu": "5460 eV: 0.1 1/um, 5470 eV: 57 cm^2/g"}, "its values are of two dimensions"),
        ({"mu": "0.1 1/um", "formula": "V2O5"}, "--mu and --formula both say"),
    ],
)
def test_texts_that_make_no_sense_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(**options)


def test_a_record_of_every_field_is_a_dose_map(make_record: Callable[..., Record]) -> None:
    assert isinstance(make_record("NXspecptycho_dose"), DoseMap)
