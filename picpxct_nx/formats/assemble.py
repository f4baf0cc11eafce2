"""Assembling: a foreign scan and what the user states become a scan of ours, with its history."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from picpxct_nx import nxdl
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.counts import Survey, find_beam, find_mask, join_masks, survey_counts
from picpxct_nx.formats.foreign import PIXEL, ForeignScan, stage_positions
from picpxct_nx.formats.mapped import Files, as_mask
from picpxct_nx.formats.prepare import Arranged, Layout, arrange, arrange_probe, parse_crop, plan
from picpxct_nx.formats.selection import GOOD, Key, parse_key
from picpxct_nx.provenance import Input, step
from picpxct_nx.records import Scan
from picpxct_nx.simulate.spectra import HC_EV_M
from picpxct_nx.values import Array, Value

# Neighbours further apart than a fully sampled probe is wide, in windows lambda z / p.
MOST_APART = 0.5

_ENTRY = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?\Z")
_CENTRE = re.compile(r"\s*(\d+(?:\.\d*)?)\s*,\s*(\d+(?:\.\d*)?)\s*\Z")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the command line says about the frames.

    `crop` is N or ROWSxCOLUMNS; `center` is `corner`, `auto`, `y,x` in pixels of the frames as given, or None for what
    the file says, else the middle [h // 2, w // 2]; `mask` is FILE or FILE::KEY, or a key with its file, where all but
    0 is bad.
    """

    crop: str | None = None
    center: str | None = None
    mask: str | Key | None = None


def assemble(
    foreign: ForeignScan, given: Mapping[str, str], assumed: Mapping[str, str], options: ImportOptions
) -> tuple[Scan, list[str]]:
    """The scan that a foreign scan and the user's statements make, and a sentence for everything that was decided.

    The frames are looked at once, and stay where they are: the record can be written while `foreign` is open. The stage
    is at s = -r where the beam meets the sample at r. Positions in pixels count object pixels of the frames as given,
    lambda z / (N p) with the N pixels before any cut.

    Parameters
    ----------
    foreign : ForeignScan
        What the file holds.
    given, assumed : mapping
        Text by short name or path: what is known (--set), and what nobody measured (--assume).
    options : ImportOptions
        Centre, cut and mask.

    Raises
    ------
    UsageError
        An option contradicts itself or the frames.
    InputError
        A required value is missing (all are named), or the counts are no counts.
    """
    stated = meta.settings(given, assumed, foreign.frames.shape[0])
    for name in meta.RANGES:
        if name in given and name not in foreign.options:
            raise UsageError(f"--set {name}: {foreign.format} files are cut with an index in --map, as {name}=KEY[0:9]")
    values, notes = _merge(foreign, stated)
    doubtful = set(stated.assumed)
    notes += meta.complete_energy(values, doubtful)
    meta.check_complete(values, foreign.name)
    _check_positive(values, foreign.name)
    notes += [f"{path}: assumed, nobody measured it" for path in sorted(doubtful)]
    layout, survey, masks, more = _lay_out(foreign, values, options)
    notes += more
    mask, more = find_mask(survey, masks[0], foreign.name)
    notes += more
    arrays, more = _geometry(foreign, values, layout)
    notes += more
    entry = entry_name(foreign.name, stated.entry, notes)
    values |= arrays
    frames = Arranged(foreign.frames, layout)
    if frames.packing == "bitshuffle":
        notes.append(
            "frames: stay packed by bitshuffle and LZ4, as they came; other programs need hdf5plugin to read them"
        )
    values |= {"instrument/detector/data": frames, "instrument/detector/pixel_mask": mask}
    if doubtful:
        values["assumed"] = np.array(sorted(doubtful), dtype=object)
    parameters = _parameters(foreign, given, assumed, options, layout) | {"notes": "\n".join(notes)}
    scan = Scan.from_values(entry, values)
    return scan.made_by(step("import", parameters, [*foreign.inputs, *masks[1]])), notes


def _merge(foreign: ForeignScan, stated: meta.Settings) -> tuple[dict[str, Value], list[str]]:
    """Values of the file, replaced by those that the user states."""
    values, notes = dict(foreign.metadata), list(foreign.notes)
    if foreign.monitor is not None:
        values[meta.MONITOR] = foreign.monitor
    for path, value in stated.values.items():
        if path in values and values[path] is not value:
            old = values[path]
            had = old if isinstance(old, str | int | float) else "an array"
            notes.append(f"{path}: the file has {had}; what was given is taken instead")
        values[path] = value
    return values, notes


def _check_positive(values: Mapping[str, Value], name: str) -> None:
    for path in sorted(meta.POSITIVE & set(values)):
        number = float(np.asarray(values[path]))
        if not (np.isfinite(number) and number > 0):
            raise InputError(f"{name}: {path} is {number}; wanted a positive number; give it with --set {path}=VALUE")


def _lay_out(
    foreign: ForeignScan, values: Mapping[str, Value], options: ImportOptions
) -> tuple[Layout, Survey, tuple[Array | None, list[Input]], list[str]]:
    """Layout, counts and mask in that layout, the files that were read for the mask, and what to tell."""
    crop, given = parse_crop(options.crop), (foreign.frames.shape[1], foreign.frames.shape[2])
    user, inputs, notes = _user_mask(options.mask, given)
    mask = join_masks(foreign.mask, user)
    saturation = values.get(meta.SATURATION)
    survey = survey_counts(foreign.frames, None if saturation is None else float(np.asarray(saturation)))
    beam, text = _beam(foreign, options.center, survey, mask)
    notes.append(text)
    layout = plan(given, foreign.frame_axes, beam_px=beam, crop=crop)
    if crop is not None:
        notes.append(f"frames: cut from {layout.turned} to {layout.shape} pixels around the direct beam")
    images = (arrange(image, layout) for image in (survey.mean, survey.bad, survey.first_bad, survey.saturated))
    survey = Survey(survey.n, survey.ceiling, *images)
    return layout, survey, (None if mask is None else arrange(mask, layout), inputs), notes


def _user_mask(said: str | Key | None, shape: tuple[int, int]) -> tuple[Array | None, list[Input], list[str]]:
    """Mask in another file, in the layout of the frames as given."""
    if said is None:
        return None, [], []
    key = said if isinstance(said, Key) else parse_key(said if "::" in said else f"{said}::")
    with ExitStack() as stack:
        files = Files(Path(key.file or ""), stack)
        mask, notes = as_mask(np.asarray(files.load(key)[...]), "mask", good=key.good)
        if mask.shape != shape:
            raise InputError(f"mask {key.file}: has shape {mask.shape}, the frames as given {shape}; make them agree")
        return mask, list(files.inputs), notes


def _beam(
    foreign: ForeignScan, center: str | None, survey: Survey, mask: Array | None
) -> tuple[tuple[float, float] | None, str]:
    """Row and column of the direct beam in the frames as given (None: at the corner), and how it is known."""
    rows, columns = survey.mean.shape
    if center == "corner" or (center is None and foreign.corner):
        why = "--center corner" if center else foreign.format
        return None, f"{why}: zero frequency at [0, 0]; the frames were shifted by half their size"
    if center == "auto":
        y, x = find_beam(survey, np.zeros((rows, columns)) if mask is None else mask)
        # A fraction would only be a phase ramp on the probe; a centre of mass does not know it.
        found = (float(round(y)), float(round(x)))
        return found, f"--center auto: centre of mass at ({y:.2f}, {x:.2f}); the direct beam is taken to be at {found}"
    if center is not None:
        match = _CENTRE.match(center)
        if match is None:
            raise UsageError(f"--center '{center}' is neither auto, corner nor y,x; for example --center 256.5,300")
        y, x = float(match[1]), float(match[2])
        if not (y <= rows - 1 and x <= columns - 1):
            raise UsageError(f"--center {center}: is off the frames, which have {rows} x {columns} pixels as given")
        return (y, x), f"--center: the direct beam is at ({y:g}, {x:g}) of the frames as given"
    if foreign.beam_px is not None:
        return foreign.beam_px, f"the direct beam is at {foreign.beam_px} of the frames as given, as the file says"
    middle = (float(rows // 2), float(columns // 2))
    return middle, f"no --center: the direct beam is taken to be in the middle of the frames as given, at {middle}"


def _geometry(foreign: ForeignScan, values: Mapping[str, Value], layout: Layout) -> tuple[dict[str, Value], list[str]]:
    """Stage, beam centre, frame numbers and start probe, in m; and what to tell of them."""
    sizes = [float(np.asarray(values[path])) for path in (meta.Y_PIXEL, meta.X_PIXEL)]
    reach = HC_EV_M / float(np.asarray(values[meta.INCIDENT])) * float(np.asarray(values[meta.DISTANCE]))
    as_given = (reach / (layout.turned[0] * sizes[0]), reach / (layout.turned[1] * sizes[1]))
    pixel = (reach / (layout.shape[0] * sizes[0]), reach / (layout.shape[1] * sizes[1]))
    axes, notes = foreign.axes, []
    where = "where the beam meets the sample" if axes.what == "probe" else "the translation of the stage"
    notes.append(f"positions: {where}, columns along {axes.columns[0]} and {axes.columns[1]}, in {axes.unit}")
    if axes.unit == PIXEL:
        notes.append(
            f"positions: an object pixel is {as_given[0] * 1e9:.6g} nm (y) and {as_given[1] * 1e9:.6g} nm (x): "
            f"lambda z / (N p) of the frames as given"
        )
    y, x = stage_positions(foreign.positions, axes, as_given)
    notes += _overlap(y, x, (reach / sizes[0], reach / sizes[1]))
    result: dict[str, Value] = {
        "sample/transformations/y": y,
        "sample/transformations/x": x,
        "instrument/detector/beam_center_y": layout.beam_px[0] * sizes[0],
        "instrument/detector/beam_center_x": layout.beam_px[1] * sizes[1],
        "data/frame": np.arange(len(y)),
    }
    if foreign.probe is not None:
        probe = arrange_probe(foreign.probe, layout, foreign.name)
        if foreign.probe.shape[-2:] != probe.shape[-2:] and layout.shape != layout.turned:
            notes.append("probe: cut in Fourier space as the frames were")
        result["start_probe/probe"] = probe
        for axis, length, size in zip("yx", layout.shape, pixel, strict=True):
            result[f"start_probe/{axis}"] = size * (np.arange(length) - length // 2)
    return result, notes


def _overlap(y: Array, x: Array, window: tuple[float, float]) -> list[str]:
    """A warning where the frames of neighbours cannot overlap in the far field, as in near-field scans or wrong units.

    The detector samples a probe of at most half the window lambda z / p fully (two samples a speckle).
    """
    if len(y) < 2:
        return []
    points = np.stack([y / window[0], x / window[1]], axis=1)
    nearest = float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))
    if nearest < MOST_APART:
        return []
    return [
        f"positions: neighbours are {nearest:.3g} far-field windows (lambda z / p = {window[0] * 1e6:.3g} um) apart; a "
        f"probe that the detector can sample is at most {MOST_APART} wide, so they do not overlap: is this scan "
        "near-field, or is unit, distance or pixel size wrong?"
    ]


def entry_name(file: str, stated: str | None, notes: list[str]) -> str:
    """Name of the entry: what is stated, or one after the file, which is noted.

    Raises
    ------
    UsageError
        What is stated is no NeXus name.
    """
    if stated is not None:
        if not _ENTRY.match(stated) or len(stated) > 63:
            raise UsageError(
                f"entry: '{stated}' is no NeXus name: letters, digits, _ and inner dots, at most 63; for example "
                "scan_S00123"
            )
        return stated
    stem = re.sub(r"\W+", "_", file.split(".")[0], flags=re.ASCII).strip("_")
    name = f"scan_{stem.removeprefix('scan_')}"[:63].rstrip("_")
    notes.append(f"entry: named {name} after the file (--set entry=NAME)")
    return name


def _parameters(
    foreign: ForeignScan,
    given: Mapping[str, str],
    assumed: Mapping[str, str],
    options: ImportOptions,
    layout: Layout,
) -> dict[str, Value]:
    """Every option of the step, defaults included."""
    axes = foreign.axes
    found: dict[str, Value] = {
        "format": foreign.format,
        **foreign.options,
        "axes": f"{axes.what}:{','.join(axes.columns)}:{axes.unit};frames:{','.join(foreign.frame_axes)}",
        "center": options.center or "default",
        "crop": options.crop or "none",
        "mask": _mask_text(options.mask),
        "beam_y": layout.beam_px[0],
        "beam_y@units": PIXEL,
        "beam_x": layout.beam_px[1],
        "beam_x@units": PIXEL,
    }
    for kind, texts in (("set", given), ("assume", assumed)):
        for name, text in texts.items():
            found |= _stated(f"{kind}.{name.replace('/', '.')}", name, text)
    return found


def _mask_text(said: str | Key | None) -> str:
    """The mask's place in its file, for the history: names of files are left out."""
    name = said.name if isinstance(said, Key) else (said or "").partition("::")[2]
    good = GOOD if isinstance(said, Key) and said.good else ""
    return "none" if said is None else good + (name or "file")


def _stated(parameter: str, name: str, text: str) -> dict[str, Value]:
    """A stated value as a parameter: a number with its unit, all else as the text that was given."""
    paths = meta.SHORT_NAMES.get(name, (name,))
    node = nxdl.table(Scan.DEFINITION).get(paths[0])
    if node is None or node.dims is not None or node.type not in ("NX_FLOAT", "NX_NUMBER"):
        return {parameter: text}
    value: dict[str, Value] = {parameter: meta.parse_value(name, paths[0], text, 1)}
    unit = nxdl.unit_text(node)
    return value | ({f"{parameter}@units": unit} if unit else {})


__all__ = ["ImportOptions", "assemble", "entry_name"]
