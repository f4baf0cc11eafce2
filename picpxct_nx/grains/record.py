"""The grain map of a normalised cube, as a record."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.grains import calibration as calibrate
from picpxct_nx.grains import orientation as axis
from picpxct_nx.grains import signal as dichroism
from picpxct_nx.grains import windows as energies
from picpxct_nx.grains.calibration import Calibration
from picpxct_nx.grains.orientation import Light
from picpxct_nx.grains.segmentation import Recipe, segment
from picpxct_nx.grains.signal import Maps
from picpxct_nx.grains.statistics import mean_direction, table
from picpxct_nx.grains.windows import Name, Windows
from picpxct_nx.provenance import step
from picpxct_nx.records import GrainMap, NormalizedCube, Reconstruction, Record, Scan, SpectralCube
from picpxct_nx.values import Array, Value

# What a grain map keeps of the head of the spectra's entry.
_HEAD = ("start_time", "end_time", "experiment_identifier", "collection_identifier", "user/")
_STAGES = ("reconstruct", "flatten", "stack", "align", "register", "normalize")
_DONE = {"reconstructed": 1, "flattened": 2, "stacked": 3, "aligned": 4, "registered": 5}


@dataclass(frozen=True)
class Choice:
    """What is asked for: signal, windows, calibration (auto, "A,B" or a file's records), least area in m^2."""

    signal: Name
    peak: str | None
    base: str | None
    calibration: str
    reference: Record | None
    min_area: float | None


@dataclass(frozen=True)
class _Found:
    """What was found on the way to a map: windows, signal maps, grains, and the calibration, if there is one."""

    beam: Light
    windows: Windows
    maps: Maps
    recipe: Recipe
    labels: Array
    scale: Calibration | None


def choose(
    signal: str,
    windows: tuple[str | None, str | None] = (None, None),
    calibration: str = "auto",
    references: Sequence[Record] = (),
    min_area: str | None = None,
) -> Choice:
    """What the command line asks for.

    Parameters
    ----------
    signal : str
        od-peak or phase-lobe.
    windows : pair of str, optional
        Peak and base window, each "A:B eV".
    calibration : str
        auto, or numbers "A,B", or the name of the file that the references came from.
    references : sequence of Record
        Grain map, or normalised cube of a single crystal, to take a and b from.
    min_area : str, optional
        An area such as "0.05 um^2".

    Raises
    ------
    UsageError
        One of them is not understood.
    """
    for option, text in zip(("--peak", "--base"), windows, strict=True):
        if text is not None:
            energies.window(option, text)
    if len(references) > 1:
        text = f"--calibration: found {len(references)} entries in {calibration}"
        raise UsageError(f"{text}; wanted one: select it with FILE::ENTRY")
    if calibration != "auto" and not references:
        calibrate.given(calibration)
    # "um2" is how people type it.
    area = None if min_area is None else units.quantity(re.sub(r"(?<=m)2\s*\Z", "^2", min_area), "m^2")
    if area is not None and area < 0:
        raise UsageError(f"--min-area '{min_area}' is negative; wanted zero or more")
    return Choice(energies.name(signal), *windows, calibration, references[0] if references else None, area)


def is_file(calibration: str) -> bool:
    """Whether a calibration names a file: it is neither auto nor numbers separated by a comma."""
    return calibration != "auto" and re.fullmatch(r"[\s0-9eE.,+-]*", calibration) is None


def loaded(record: Record) -> Record:
    """The record with its spectra in memory, so that it can be used after its file is closed."""
    if not isinstance(record, NormalizedCube):
        return record
    return replace(record, xanes=np.asarray(record.xanes[:]), xpnes=np.asarray(record.xpnes[:]))


def normalised(record: Record) -> NormalizedCube:
    """The record as normalised spectra.

    Raises
    ------
    InputError
        It is something else; the message names the commands that are missing.
    """
    if isinstance(record, NormalizedCube):
        return record
    done = _DONE[record.stage] if isinstance(record, Reconstruction | SpectralCube) else 0
    if isinstance(record, Scan | Reconstruction | SpectralCube):
        remedy = f"run picpxct {', then '.join(_STAGES[done:])} first"
    else:
        remedy = "give it what picpxct normalize made"
    raise InputError(f"{record.entry}: is {record.DEFINITION}; grainmap wants NXspecptycho_normalized: {remedy}")


def make_map(record: Record, choice: Choice, say: Callable[[str], None] = lambda _: None) -> GrainMap:
    """The grain map of normalised spectra.

    Signal maps are cut out of the spectra, segmented into grains, calibrated, and solved for the direction of the
    axis in every pixel and grain.

    Parameters
    ----------
    record : Record
    choice : Choice
    say : callable, optional
        Told what was chosen automatically, one line at a time.

    Raises
    ------
    InputError
        The record is not normalised, or shows no dichroism that could be used, or no grain.
    """
    cube = normalised(record)
    found = _look(cube, choice)
    for line in _sentences(found):
        say(f"{cube.entry}: {line}")
    product = _assemble(cube, choice, found)
    parents = (cube,) if choice.reference is None else (cube, choice.reference)
    made = step("grainmap", _parameters(choice, found), [parent.as_input() for parent in parents])
    say(sentence(product))
    return product.assuming(cube.assumed).made_by(made, parents)


def _look(cube: NormalizedCube, choice: Choice) -> _Found:
    beam = _light(cube)
    windows = energies.windows(cube, choice.signal, choice.peak, choice.base)
    maps = dichroism.maps(cube, choice.signal, windows)
    recipe = _recipe(cube, choice)
    labels = segment(maps.signal, maps.errors, maps.usable, recipe)
    if not labels.any():
        text = f"{cube.entry}: no region has {recipe.least_pixels} pixels or more and is {recipe.least_width_px} wide"
        raise InputError(f"{text}; lower --min-area, or look at maps/mask")
    return _Found(beam, windows, maps, recipe, labels, _calibration(maps, labels, beam, choice, cube.entry))


def _light(cube: NormalizedCube) -> Light:
    try:
        return axis.light(np.asarray(cube.stokes), np.asarray(cube.polarization_angle))
    except InputError as error:
        raise InputError(f"{cube.entry}: {error}") from None


def _recipe(cube: NormalizedCube, choice: Choice) -> Recipe:
    if choice.min_area is None:
        return Recipe()
    pixel = abs(float(cube.y[1] - cube.y[0]) * float(cube.x[1] - cube.x[0]))
    return replace(Recipe(), least_pixels=max(1, math.ceil(choice.min_area / pixel)))


def _calibration(maps: Maps, labels: Array, beam: Light, choice: Choice, entry: str) -> Calibration | None:
    if isinstance(choice.reference, NormalizedCube):
        return _crystal(choice.reference, choice)
    if choice.reference is not None:
        return calibrate.of_map(choice.reference, choice.signal)
    if choice.calibration != "auto":
        return calibrate.given(choice.calibration)
    try:
        return calibrate.automatic(*calibrate.region_means(maps.signal, maps.errors, labels), beam)
    except InputError as error:
        # Three directions are solved without it; only the tilt is lost.
        if axis.is_ambiguous(beam):
            raise InputError(f"{entry}: {error}") from None
        return None


def _crystal(cube: NormalizedCube, choice: Choice) -> Calibration:
    maps = dichroism.maps(cube, choice.signal, energies.windows(cube, choice.signal, choice.peak, choice.base))
    means = calibrate.region_means(maps.signal, maps.errors, maps.usable.astype(np.int32))
    return calibrate.of_crystal(*means, _light(cube))


def _assemble(cube: NormalizedCube, choice: Choice, found: _Found) -> GrainMap:
    maps, beam, scale = found.maps, found.beam, found.scale
    background = (scale.background, scale.background_errors) if scale is not None else (0.0, 0.0)
    pixel = axis.find(maps.signal, maps.errors, beam, background=background[0])
    grains = mean_direction(maps.signal, maps.errors, found.labels, beam, background)
    y, x = np.asarray(cube.y, np.float64), np.asarray(cube.x, np.float64)
    rows = table(found.labels, y, x, pixel.angle, grains, maps.thickness)
    confidence = np.nan_to_num(1 - pixel.angle_errors / axis.spread_of_unknown(beam))
    tilt = axis.tilt(pixel, scale.amplitude) if scale is not None else (None, None)
    edge = cube.edge_energy_ev
    kept = {path: value for path, value in cube.extra.items() if path.startswith(_HEAD)}
    return GrainMap(
        entry=cube.entry, title=f"Grains of {cube.title}", extra=kept,
        signal_name=choice.signal, edge_energy_ev=edge,
        peak_ev=np.array(found.windows.peak) - edge, base_ev=np.array(found.windows.base) - edge,
        mirror_ambiguous=axis.is_ambiguous(beam), **_scale(scale), pixel_noise=maps.noise,
        stokes=cube.stokes, sample=cube.sample, formula=cube.formula, rotation=cube.rotation,
        orientation=_small(pixel.angle), orientation_errors=_small(pixel.angle_errors), label=found.labels,
        confidence=_small(np.clip(confidence, 0.0, 1.0)), tilt=_small(tilt[0]), tilt_errors=_small(tilt[1]), y=y, x=x,
        signal=_small(maps.signal), signal_errors=_small(maps.errors), polarization_angle=cube.polarization_angle,
        **vars(rows),
    )  # fmt: skip


def _scale(scale: Calibration | None) -> dict[str, Any]:
    if scale is None:
        return {"calibration": "none"}
    return {
        "calibration": scale.source, "background": scale.background, "background_errors": scale.background_errors,
        "amplitude": scale.amplitude, "amplitude_errors": scale.amplitude_errors,
    }  # fmt: skip


def _small(image: Array | None) -> Any:
    """An image as float32; an angle just below pi that would round to it is 0."""
    return None if image is None else np.where(image >= np.float32(np.pi), 0.0, image).astype(np.float32)


def _sentences(found: _Found) -> Sequence[str]:
    """What was chosen, for a person."""
    windows, scale = found.windows, found.scale
    by = "" if windows.feature is None else f" (pre-edge peak at {windows.feature:.2f} eV)"
    ends = " less ".join(f"{low:.2f} to {high:.2f} eV" for low, high in (windows.peak, windows.base))
    lines = [f"signal {ends}{by}, noise {found.maps.noise:.3g} a pixel"]
    if found.maps.common:
        lines.append("divided by one thickness for all polarisations, which is less noisy than each one's own")
    if scale is not None:
        values = f"a = {scale.background:.3g} +- {scale.background_errors:.1g}"
        lines.append(f"{values}, b = {scale.amplitude:.3g} +- {scale.amplitude_errors:.1g}: {scale.assumption}")
    if axis.is_ambiguous(found.beam):
        lines.append("two polarisations cannot tell an axis from its mirror image; a third one would")
    return lines


def _parameters(choice: Choice, found: _Found) -> dict[str, Value]:
    windows, recipe = found.windows, found.recipe
    values: dict[str, Value] = {
        "signal": choice.signal,
        "peak": np.array(windows.peak), "peak@units": "eV", "base": np.array(windows.base), "base@units": "eV",
        "common_thickness": found.maps.common,
        "calibration": choice.calibration if choice.reference is None else "file",
        "assumption": found.scale.assumption if found.scale is not None else "none",
        "least_pixels": recipe.least_pixels, "least_width": recipe.least_width_px, "least_width@units": "pixel",
        "tv_weight": recipe.tv_weight, "blur": recipe.blur_px, "blur@units": "pixel",
        "significance": recipe.significance, "floor": recipe.floor,
    }  # fmt: skip
    if windows.feature is not None:
        values |= {"pre_edge_peak": windows.feature, "pre_edge_peak@units": "eV"}
    if choice.min_area is not None:
        values |= {"min_area": choice.min_area, "min_area@units": "m^2"}
    return values


def sentence(record: GrainMap) -> str:
    """One line about a grain map."""
    area, known = float(np.sum(record.area)) * 1e12, record.label > 0
    text = f"{record.entry}: {len(record.grain_id)} grains on {area:.3g} um^2"
    return f"{text}, mean confidence {float(np.mean(record.confidence[known])):.2f}"


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a grain map."""
    assert isinstance(record, GrainMap)  # noqa: S101  # the command made it
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "signal": record.signal_name,
        "grains": len(record.grain_id),
        "area_m2": float(np.sum(record.area)),
        "mean_confidence": float(np.mean(record.confidence[record.label > 0])),
        "mirror_ambiguous": bool(record.mirror_ambiguous),
        "calibration": record.calibration,
        "background": record.background,
        "amplitude": record.amplitude,
        "peak_ev": [float(end) + record.edge_energy_ev for end in record.peak_ev],
        "base_ev": [float(end) + record.edge_energy_ev for end in record.base_ev],
        "pixel_noise": record.pixel_noise,
    }
