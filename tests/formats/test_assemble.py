"""Assembling: nothing is made up, everything is told, and what is written is valid."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus, validation, values
from picpxct_nx.errors import InputError, PicpxctError, UsageError
from picpxct_nx.formats import ForeignScan, ImportOptions, PositionAxes
from picpxct_nx.formats.counts import survey_counts
from picpxct_nx.provenance import Input
from picpxct_nx.records import Scan

from .conftest import BEAM, GIVEN

EVERYTHING = GIVEN | BEAM
PIXELS = (24, 20)


def foreign(**changes: Any) -> ForeignScan:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        "name": "scan.npz",
        "format": "numpy",
        "inputs": (Input(checksum="0" * 64, file_name="scan.npz"),),
        "frames": rng.poisson(4, (5, *PIXELS)).astype(np.uint16),
        "positions": rng.normal(size=(5, 2)),
        "axes": PositionAxes("probe", ("+y", "+x"), "um"),
    }
    return ForeignScan(**(values | changes))


def make(
    scan: ForeignScan | None = None,
    given: dict[str, str] | None = None,
    *,
    crop: str | None = None,
    center: str | None = None,
    mask: str | None = None,
) -> tuple[Scan, list[str]]:
    return formats.assemble(
        scan or foreign(), EVERYTHING | (given or {}), {}, ImportOptions(crop=crop, center=center, mask=mask)
    )


def test_all_missing_values_are_named_in_one_message() -> None:
    with pytest.raises(InputError) as caught:
        formats.assemble(foreign(), {"title": "x"}, {}, ImportOptions())
    text = str(caught.value)
    assert "10 needed values" in text
    for option in (
        "start_time=TIME", "instrument=TEXT", "source=TEXT", "energy=NUMBER eV", "stokes=I,Q,U,V", "sample=TEXT",
        "pixel_size=NUMBER m", "distance=NUMBER m", "count_time=NUMBER s", "rotation=NUMBER rad",
    ):  # fmt: skip
        assert option in text
    assert "title=" not in text
    assert "incident_energy" not in text
    assert "\n" not in text


def test_a_zone_plate_that_was_begun_must_be_complete() -> None:
    with pytest.raises(InputError) as caught:
        make(given={"zone_plate_diameter": "120 um"})
    assert "outermost_zone_width=NUMBER m" in str(caught.value)
    assert "defocus=NUMBER m" in str(caught.value)
    scan, _ = make(given={"zone_plate_diameter": "120 um", "outermost_zone_width": "60 nm", "defocus": "-1.3 mm"})
    assert scan.defocus == pytest.approx(-1.3e-3)


def test_a_written_import_is_valid_and_warns_of_what_was_assumed(tmp_path: Path) -> None:
    given = {name: text for name, text in EVERYTHING.items() if name not in ("distance", "stokes")}
    scan, notes = formats.assemble(
        foreign(), given, {"distance": "7.2 m", "stokes": "1,0.9,0,0", "energy_offset": "0.4 eV"}, ImportOptions()
    )
    assumed = [
        "instrument/beam/incident_energy", "instrument/beam/incident_polarization_stokes",
        "instrument/detector/distance", "instrument/monochromator/energy_offset",
    ]  # fmt: skip
    assert scan.assumed is not None
    assert scan.assumed.tolist() == assumed
    assert scan.energy_ev == pytest.approx(5483.8)
    nexus.write(tmp_path / "a.nxs", [scan])
    with h5py.File(tmp_path / "a.nxs") as file:
        report = validation.check_file(file, "a.nxs")
    assert report.valid
    warned = [v.path for v in report.violations if v.code == "ASSUMED"]
    assert warned == [f"/{scan.entry}/{path}" for path in assumed]
    assert all(any(note.startswith(f"{path}: assumed") for note in notes) for path in assumed)


def test_every_option_stands_in_the_history() -> None:
    scan, notes = make(given={"instrument/source/current": "400 mA"}, crop="16", center="12,10")
    (step,) = scan.history
    assert step.command == "import"
    wanted = {
        "format": "numpy", "axes": "probe:+y,+x:um;frames:+y,+x", "center": "12,10", "crop": "16", "mask": "none",
        "beam_y": 8.0, "beam_y@units": "pixel", "set.energy": 5483.4, "set.energy@units": "eV", "set.title": "chiral",
        "set.instrument.source.current": 0.4, "set.instrument.source.current@units": "A", "notes": "\n".join(notes),
    }  # fmt: skip
    assert {name: step.parameters[name] for name in wanted} == wanted
    assert step.inputs == (Input(checksum="0" * 64, file_name="scan.npz"),)


def test_notes_tell_every_default() -> None:
    _, notes = make()
    text = "\n".join(notes)
    for told in (
        "no mask was given",
        "no --center",
        "no energy_offset",
        "entry: named scan_scan",
        "positions: where the",
    ):
        assert told in text


def test_the_value_of_the_user_replaces_that_of_the_file_and_says_so() -> None:
    scan, notes = make(foreign(metadata={"instrument/detector/distance": 1.0}))
    assert scan.distance == 7.2
    assert "instrument/detector/distance: the file has 1.0; what was given is taken instead" in notes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"energy": "5483.4"}, "has no unit"),
        ({"energy": "5 m"}, "not convertible"),
        ({"energy": "5 kev"}, "did you mean 'keV'"),
        ({"distance": "-7 m"}, "not positive"),
        ({"count_time": "0 s"}, "not positive"),
        ({"rotation": "90"}, "has no unit"),
        ({"stokes": "1,1,1,0"}, "wanted I = 1"),
        ({"stokes": "1,1,0"}, "3 numbers; wanted 4"),
        ({"start_time": "2026-05-01T08:00:00"}, "no time zone"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"sample": " "}, "is empty"),
        ({"wavelength": "1 nm"}, "unknown name 'wavelength'"),
        ({"data/x": "1 m"}, "cannot be set"),
        ({"sample/transformations/x": "1 m"}, "cannot be set"),
        ({"monitor": "1,2"}, "2 numbers; wanted 5"),
        ({"entry": "scan 1"}, "no NeXus name"),
        ({"instrument/detector/distance": "7.2 m"}, "stated twice"),
        ({"instrument/beam/incident_energy": "5000 eV"}, "add up to"),
        ({"instrument/detector/bit_depth_readout": "2.5"}, "bit_depth_readout"),
        ({"instrument/detector/countrate_correction_applied": "perhaps"}, "neither true nor false"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        make(given=given)
    assert "\n" not in str(caught.value)


def test_any_field_of_the_definition_can_be_stated() -> None:
    scan, _ = make(
        given={
            "formula": "O5 V2", "monitor": "1,2,3,4,5", "entry": "scan_S00123", "user/name": "Somebody",
            "instrument/detector/bit_depth_readout": "16", "instrument/detector/countrate_correction_applied": "true",
            "sample/density": "3357 kg/m^3", "energy_offset": "-0.6 eV", "rotation": "90 deg",
        }
    )  # fmt: skip
    assert (scan.entry, scan.formula, scan.extra["user/name"]) == ("scan_S00123", "O5 V2", "Somebody")
    assert scan.monitor is not None
    assert scan.monitor.tolist() == [1, 2, 3, 4, 5]
    assert scan.encoder_energy_ev - scan.energy_ev == pytest.approx(0.6)
    assert scan.rotation == pytest.approx(np.pi / 2)
    assert scan.extra["instrument/detector/countrate_correction_applied"] is True


def test_pixels_that_never_count_are_gaps_and_frames_that_sometimes_do_not_are_refused() -> None:
    frames = np.ones((5, *PIXELS), np.float32)
    frames[:, 3, 4], frames[:, 5, 6] = np.nan, -1
    scan, notes = make(foreign(frames=frames))
    assert np.argwhere(scan.pixel_mask).tolist() == [[3, 4], [5, 6]]
    assert scan.pixel_mask[3, 4] == 1
    assert any("2 of 480 pixels hold NaN" in note for note in notes)
    frames[2:, 7, 8] = np.nan
    frames[3, 1, 1] = -5
    with pytest.raises(InputError, match=r"frame 2 is the first .* at pixel \(7, 8\)"):
        make(foreign(frames=frames))
    mask = np.zeros(PIXELS, np.int32)
    mask[7, 8] = mask[1, 1] = 256
    scan, _ = make(foreign(frames=frames, mask=mask))
    assert int((scan.pixel_mask != 0).sum()) == 4


def test_saturated_pixels_are_masked_and_told() -> None:
    frames = np.ones((5, *PIXELS), np.uint16)
    frames[:, 0, 0], frames[1, 2, 3], frames[2, 4, 4] = 65535, 65535, 900
    scan, notes = make(foreign(frames=frames))
    assert (scan.pixel_mask[0, 0], scan.pixel_mask[2, 3], scan.pixel_mask[4, 4]) == (1, 8, 0)
    assert any("1 of 480 pixels reach 65535.0 in up to 1 of 5 frames: saturated" in note for note in notes)
    scan, _ = make(foreign(frames=frames), {"instrument/detector/saturation_value": "900"})
    assert scan.pixel_mask[4, 4] == 8


def test_a_bad_frame_outside_the_cut_does_no_harm() -> None:
    frames = np.ones((5, *PIXELS))
    frames[1, 0, 0] = np.nan
    scan, _ = make(foreign(frames=frames), crop="10")
    assert scan.frames.shape == (5, 10, 10)


def test_the_mask_of_a_file_counts_all_but_zero_as_bad(tmp_path: Path) -> None:
    bad = np.zeros(PIXELS, bool)
    bad[0, :4] = True
    np.save(tmp_path / "m.npy", bad)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["a/mask"], file["b"] = bad, bad
    for text in (f"{tmp_path}/m.npy", f"{tmp_path}/m.h5::a/mask"):
        scan, notes = make(mask=text)
        assert (scan.pixel_mask != 0).tolist() == bad.tolist()
        assert "mask: not zero means bad: 4 of 480 pixels are bad" in notes
        assert [source.file_name for source in scan.history[0].inputs] == ["scan.npz", Path(text.split("::")[0]).name]
        assert str(tmp_path) not in str(scan.history[0].parameters)
    with pytest.raises(InputError, match="holds /a/mask, /b; say which"):
        make(mask=f"{tmp_path}/m.h5")
    np.save(tmp_path / "m.npy", ~bad)
    assert any("is the mask inverted" in note for note in make(mask=f"{tmp_path}/m.npy")[1])
    np.save(tmp_path / "m.npy", np.ones(PIXELS))
    with pytest.raises(InputError, match="no good pixel is left"):
        make(mask=f"{tmp_path}/m.npy")
    np.save(tmp_path / "m.npy", np.ones((3, 3)))
    with pytest.raises(InputError, match="the frames as given"):
        make(mask=f"{tmp_path}/m.npy")


@pytest.mark.parametrize("shape", [(24, 20), (25, 21), (24, 21)])
@pytest.mark.parametrize("crop", ["8", "9", "8x5"])
def test_the_beam_lands_on_the_middle_of_the_cut(shape: tuple[int, int], crop: str) -> None:
    frames = np.zeros((5, *shape))
    frames[:, 13, 9] = 1.0
    for turned in (("+y", "+x"), ("-y", "-x"), ("-x", "+y"), ("+x", "-y")):
        scan, _ = make(foreign(frames=frames, frame_axes=turned), center="13,9", crop=crop)
        y, x = np.argwhere(scan.frames[0])[0]
        assert [y, x] == [scan.frames.shape[1] // 2, scan.frames.shape[2] // 2]
        assert scan.beam_center_y == pytest.approx(y * scan.y_pixel_size)
        assert scan.beam_center_x == pytest.approx(x * scan.x_pixel_size)


def test_the_automatic_centre_ignores_hot_and_masked_pixels() -> None:
    y, x = np.indices((64, 64))
    frames = np.repeat((100 * np.exp(-((y - 40) ** 2 + (x - 22) ** 2) / 20))[None], 5, axis=0) + 3.0
    frames[:, 2, 60] = 1e9
    mask = np.zeros((64, 64), np.int32)
    mask[60, 0], frames[:, 60, 0] = 256, 1e12
    scan, notes = make(foreign(frames=frames, mask=mask), center="auto")
    assert (scan.beam_center_y / scan.y_pixel_size, scan.beam_center_x / scan.x_pixel_size) == pytest.approx((40, 22))
    assert any(note.startswith("--center auto: centre of mass at (4") for note in notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"crop": "30"}, "at most 24 fit"),
        ({"crop": "10", "center": "2,10"}, "at most 5 fit"),
        ({"crop": "0"}, "no size"),
        ({"crop": "4x4x4"}, "no size"),
        ({"center": "middle"}, "neither auto, corner nor y,x"),
        ({"center": "50,3"}, "off the frames"),
    ],
)
def test_cuts_and_centres_that_do_not_fit_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make(crop=options.get("crop"), center=options.get("center"))


def test_dark_frames_have_no_automatic_centre() -> None:
    with pytest.raises(InputError, match="--center auto"):
        make(foreign(frames=np.zeros((5, *PIXELS))), center="auto")


def test_a_probe_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="the probe has 7 x 7 pixels"):
        make(foreign(probe=np.ones((1, 7, 7), complex)))


def test_neighbours_too_far_apart_for_the_far_field_are_told() -> None:
    far = foreign(positions=1e6 * np.arange(10.0).reshape(5, 2))
    assert any("is this scan near-field" in note for note in make(far)[1])
    assert not any("near-field" in note for note in make()[1])


class Counting:
    """An array source that remembers the most bytes that one access took."""

    def __init__(self, array: np.ndarray[Any, np.dtype[Any]]) -> None:
        self.array, self.most = array, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __getitem__(self, key: Any, /) -> Any:
        part = self.array[key]
        self.most = max(self.most, part.nbytes)
        return part


@pytest.mark.parametrize("center", [None, "corner"])
def test_frames_are_never_all_in_memory(center: str | None, tmp_path: Path) -> None:
    source = Counting(np.ones((300, 256, 256), np.uint16))
    positions = np.random.default_rng(0).normal(size=(300, 2))
    scan, _ = make(foreign(frames=source, positions=positions), crop="128", center=center)
    nexus.write(tmp_path / "a.nxs", [scan], compression="none")
    assert 0 < source.most <= values.BLOCK_BYTES < source.array.nbytes


def test_no_error_is_longer_than_a_line() -> None:
    with pytest.raises(PicpxctError) as caught:
        make(given={"nonsense": "1"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("saturation", [None, 200.0, 199.5, 1e9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint32])
def test_a_survey_of_whole_counts_is_that_of_the_same_real_ones(dtype: type, saturation: float | None) -> None:
    rng = np.random.default_rng(1)
    frames: np.ndarray = rng.integers(0, 256, (50, 6, 8)).astype(dtype)
    frames[:, 0, 0] = frames[3, 2, 2] = np.iinfo(dtype).max
    found = survey_counts(frames, saturation)
    ceiling = np.iinfo(dtype).max if saturation is None else saturation
    full = frames >= ceiling
    np.testing.assert_array_equal(found.saturated, full.sum(axis=0))
    below = np.where(full, 0, frames.astype(np.float64)).sum(axis=0) / np.maximum(50 - full.sum(axis=0), 1)
    np.testing.assert_allclose(found.mean, below, rtol=1e-12)
    assert not found.bad.any()
