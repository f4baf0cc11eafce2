"""From normalised spectra to a grain map: truth comes out, choices are written down, and nonsense is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import adapted_rand_error

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.grains.record import choose, is_file, make_map, summary
from picpxct_nx.grains.windows import window
from picpxct_nx.records import GrainMap, NormalizedCube
from picpxct_nx.simulate.phantom import Projection

from .conftest import Make
from .normalised import EDGE_EV

THREE = (0.0, 60.0, 120.0)


def missed(found: GrainMap, projection: Projection) -> tuple[float, float]:
    """Adapted Rand error where the mask lets see, and rms error of the mean orientations in degrees."""
    truth = np.where(found.label > 0, projection.label, 0)
    errors, weights = [], []
    for row, number in enumerate(found.grain_id):
        inside = found.label == number
        true = np.bincount(truth[inside]).argmax()
        azimuth = projection.azimuth[projection.label == true][0]
        signs = (1, -1) if found.mirror_ambiguous else (1,)
        apart = [(sign * found.mean_orientation[row] - azimuth + np.pi / 2) % np.pi - np.pi / 2 for sign in signs]
        errors.append(np.min(np.abs(apart)))
        weights.append(inside.sum())
    rms = np.rad2deg(np.sqrt(np.average(np.square(errors), weights=weights)))
    rand, _, _ = adapted_rand_error(truth, found.label, ignore_labels=[0])  # type: ignore[no-untyped-call]
    return float(rand), float(rms)


@pytest.mark.parametrize("signal", ["od-peak", "phase-lobe"])
@pytest.mark.parametrize("by", ["off-edge-phase", "edge-jump"])
def test_three_polarisations_find_the_grains_and_their_axes(make_cube: Make, signal: str, by: str) -> None:
    cube, projection = make_cube(THREE, by=by)
    found = make_map(cube, choose(signal))
    rand, rms = missed(found, projection)
    assert rand < 0.06
    assert rms < 1.5
    # The edge step of a pixel is a noisy thickness, which can split off a piece of the rim.
    assert 0 <= len(found.grain_id) - projection.label.max() <= (by == "edge-jump")
    assert not found.mirror_ambiguous
    assert ((found.label > 0) <= (np.asarray(cube.mask) == 0).all(axis=0)).all()


@pytest.mark.parametrize("signal", ["od-peak", "phase-lobe"])
def test_two_polarisations_find_axes_up_to_their_mirror_image(make_cube: Make, signal: str) -> None:
    cube, projection = make_cube()
    exact = make_map(make_cube(THREE)[0], choose(signal))
    found = make_map(cube, choose(signal, calibration=f"{exact.background},{exact.amplitude}"))
    assert missed(found, projection)[1] < 4
    assert found.mirror_ambiguous
    known = np.isfinite(found.orientation)
    assert (found.orientation[known] <= np.pi / 2 + 1e-6).all()
    assert found.tilt is not None
    assert found.calibration == "given"


def test_sigma_and_confidence_are_one_statement(make_cube: Make) -> None:
    cube, _ = make_cube(THREE)
    found = make_map(cube, choose("phase-lobe"))
    known = np.isfinite(found.orientation)
    most = np.pi / np.sqrt(12)
    np.testing.assert_allclose(found.confidence[known], 1 - found.orientation_errors[known] / most, atol=1e-5)
    assert (found.confidence[~known] == 0).all()


def test_pixels_scatter_about_their_grain_as_their_sigma_says(make_cube: Make) -> None:
    cube, projection = make_cube(THREE, noise=0.01)
    found = make_map(cube, choose("od-peak"))
    # Away from borders, where two grains are seen at once.
    inner = np.isfinite(found.orientation) & (projection.thickness > 1e-6)
    for shift in (-1, 1):
        for axis in (0, 1):
            inner &= np.roll(projection.label, shift, axis) == projection.label
    apart = (found.orientation - projection.azimuth + np.pi / 2) % np.pi - np.pi / 2
    ratio = np.median(np.abs(apart[inner] / found.orientation_errors[inner])) / 0.6745
    assert ratio == pytest.approx(1, abs=0.2)


def test_less_polarised_light_gives_the_same_axes(make_cube: Make) -> None:
    cube, _ = make_cube(THREE)
    half = dataclasses.replace(cube, stokes=np.tile([1.0, 0.5, 0.0, 0.0], (3, 1)))
    whole, less = (make_map(record, choose("phase-lobe")) for record in (cube, half))
    np.testing.assert_allclose(less.mean_orientation, whole.mean_orientation, atol=1e-6)
    assert whole.amplitude is not None
    assert less.amplitude == pytest.approx(2 * whole.amplitude)


def test_windows_are_kept_relative_to_the_edge_and_set_by_the_peak(make_cube: Make) -> None:
    found = make_map(make_cube()[0], choose("od-peak"))
    np.testing.assert_allclose(found.peak_ev + EDGE_EV, [5469.9, 5472.1])
    parameters = found.history[-1].parameters
    assert parameters["pre_edge_peak"] == 5471.0
    assert parameters["peak@units"] == "eV"
    asked = make_map(make_cube()[0], choose("od-peak", ("-13.5:-11.3 eV", None)))
    np.testing.assert_allclose(asked.peak_ev, [-13.5, -11.3])
    np.testing.assert_array_equal(asked.signal, found.signal)


def test_a_scale_of_energies_that_is_off_gives_the_same_map(make_cube: Make) -> None:
    cube, _ = make_cube()
    moved = dataclasses.replace(
        cube, energy_ev=np.asarray(cube.energy_ev) - 1.9, edge_energy_ev=cube.edge_energy_ev - 1.9,
        measured_energy_ev=np.asarray(cube.measured_energy_ev) - 1.9,
    )  # fmt: skip
    np.testing.assert_array_equal(
        make_map(moved, choose("phase-lobe")).label, make_map(cube, choose("phase-lobe")).label
    )


def test_the_sign_in_which_the_phase_was_normalised_does_not_matter(make_cube: Make) -> None:
    cube, _ = make_cube()
    turned = dataclasses.replace(cube, xpnes=-np.asarray(cube.xpnes[:]), phase_drop=-np.asarray(cube.phase_drop))
    first, second = (make_map(record, choose("phase-lobe")) for record in (cube, turned))
    np.testing.assert_allclose(second.signal, first.signal)


def test_spectra_that_were_not_divided_are_divided_here(make_cube: Make) -> None:
    cube, projection = make_cube(THREE, by="edge-jump")
    scale = np.asarray(cube.edge_step, np.float64)
    raw = dataclasses.replace(
        cube, thickness_by="none", xanes=np.asarray(cube.xanes[:]) * scale[:, None],
        extra={"maps/xanes_scale": np.ones(scale.shape)},
    )  # fmt: skip
    assert missed(make_map(raw, choose("od-peak")), projection)[0] < 0.06


def test_noise_that_normalise_found_is_believed(make_cube: Make) -> None:
    cube, _ = make_cube()
    noise = np.full(np.shape(cube.mask), 0.04, np.float32)
    found = make_map(dataclasses.replace(cube, extra={"maps/optical_density_noise": noise}), choose("od-peak"))
    assert found.signal_errors is not None
    step = np.asarray(cube.thickness)[:, found.label > 0].mean(axis=0) * 0.0909e6
    # Three energies in the peak window, one in the other.
    stated = found.signal_errors[0][found.label > 0]
    assert np.median(stated * step) == pytest.approx(0.04 * np.sqrt(1 / 3 + 1), rel=0.15)


def test_another_map_or_a_single_crystal_gives_the_calibration(make_cube: Make) -> None:
    cube, _ = make_cube()
    three = make_map(make_cube(THREE)[0], choose("phase-lobe"))
    found = make_map(cube, choose("phase-lobe", calibration="three.nxs", references=[three]))
    assert (found.background, found.calibration) == (three.background, "file")
    assert len(found.history[-1].inputs) == 2
    crystal = make_map(cube, choose("phase-lobe", calibration="one.nxs", references=[make_cube(THREE)[0]]))
    assert crystal.calibration == "file"
    with pytest.raises(InputError, match="is calibrated for phase-lobe, this map is of od-peak"):
        make_map(cube, choose("od-peak", calibration="three.nxs", references=[three]))


def test_the_least_area_is_an_area(make_cube: Make) -> None:
    cube, _ = make_cube(THREE)
    areas = make_map(cube, choose("phase-lobe")).area
    text = f"{1.01 * areas.min() * 1e12:.4f}"
    for unit in ("um2", "um^2"):
        assert make_map(cube, choose("phase-lobe", min_area=f"{text} {unit}")).area.min() > areas.min()


def test_the_summary_says_what_was_found(make_cube: Make) -> None:
    found = make_map(make_cube()[0], choose("phase-lobe"))
    told = summary(found)
    assert told["grains"] == len(found.grain_id)
    assert told["area_m2"] == pytest.approx(found.area.sum())
    assert (told["mirror_ambiguous"], told["calibration"]) == (True, "auto")


def changed(cube: NormalizedCube, **changes: Any) -> NormalizedCube:
    return dataclasses.replace(cube, **changes)


def _nan(values: Any) -> NDArray[np.float32]:
    spoiled = np.array(values[:], np.float32)
    spoiled[:, :, 30:34, 30:34] = np.nan
    return spoiled


def _first(cube: NormalizedCube) -> NormalizedCube:
    arrays = ("measured_energy_ev", "stokes", "rotation", "polarization_angle", "edge_step", "phase_drop", "mask",
              "thickness")  # fmt: skip
    lazy = {name: getattr(cube, name)[:1] for name in ("xanes", "xpnes", *arrays)}
    return dataclasses.replace(cube, **lazy)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_first, "has one polarisation; wanted two or more"),
        (lambda c: changed(c, polarization_angle=np.zeros(2)), "all polarisations lie along 0.0 deg"),
        (lambda c: changed(c, stokes=np.tile([1.0, 0, 0, 0], (2, 1))), "linearly polarised to 0%"),
        (lambda c: changed(c, mask=np.full(np.shape(c.mask), 3)), r"leaves no pixel .* \(too thin, air\)"),
        (lambda c: changed(c, xpnes=_nan(c.xpnes)), "xpnes is not finite in 16 pixels"),
        (lambda c: changed(c, edge_energy_ev=5600.0), "has no peak between"),
        (lambda c: changed(c, xanes=-np.asarray(c.xanes[:])), "has no peak between"),
        (lambda c: changed(c, measured_energy_ev=np.full((2, 8), np.nan)), "has no peak between"),
    ],
)
def test_spectra_without_dichroism_to_see_are_refused_in_one_line(make_cube: Make, spoil: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"^particle: .*{words}") as caught:
        make_map(spoil(make_cube()[0]), choose("phase-lobe"))
    assert "\n" not in str(caught.value)


def test_a_window_without_energies_names_those_there_are(make_cube: Make) -> None:
    with pytest.raises(InputError, match=r"lies in 5473.00 to 5474.00 eV; it has 5460, 5469, .*--peak"):
        make_map(make_cube()[0], choose("od-peak", ("5473:5474 eV", None)))


@pytest.mark.parametrize(("text", "wanted"), [("5470:5472 eV", (5470, 5472)), ("5.47:5.472 keV", (5470, 5472))])
def test_windows_are_energies(text: str, wanted: tuple[float, float]) -> None:
    assert window("--peak", text, 5483.4) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["5470 eV", "5472:5470 eV", "5470:5472", "-10:5472 eV", "a:b eV", "1:2 nm", ""])
def test_other_texts_are_no_windows(text: str) -> None:
    with pytest.raises(UsageError, match=r"--peak|'1 nm'"):
        window("--peak", text)


@pytest.mark.parametrize(
    "words",
    [
        {"signal": "edge"}, {"signal": "od-peak", "calibration": "1"}, {"signal": "od-peak", "min_area": "1 um"},
        {"signal": "od-peak", "min_area": "-1 um^2"}, {"signal": "od-peak", "windows": ("1", None)},
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_is_a_usage_error(words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        choose(**words)


def test_numbers_are_no_file() -> None:
    assert [is_file(text) for text in ("auto", "-0.1,2e-1", "1,,2", "map.nxs", "a,b.nxs")] == [False] * 3 + [True] * 2
