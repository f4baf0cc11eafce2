"""cSAXS: raw scans of the X12SA beamline of the Swiss Light Source, one folder a scan number.

Layouts only, from public sources ("PS" is PtychoShelves, J. Appl. Cryst. 53, 574 (2020), "BEC" the NeXus writer of the
beamline's control system); no line of their code is here.

- Folders: scan 123 lies in S00000-00999/S00123 (thousands, then the number; PS), below eiger_4, data or another name,
  or in S00123 alone. Its HDF5 files, one or several, hold the frames in the order of their names.
- Frames: /entry/instrument/eiger_4/data, before 2018 /entry/data/eiger_4 or /eh5/images (PS), a dataset or a group
  with data or data_NNNNNN in it; /entry/instrument/eiger9m/data (BEC).
- Orientation: PS applies flags [transpose, fliplr, flipud], in this order, to what MATLAB reads, which is the
  transposed of what HDF5 stores: the first index of MATLAB is the last of HDF5. The image that results has its rows
  along +y and its columns along +x. [0 0 1] was in force before 30 August 2018, so that stored rows run along +x and
  stored columns along -y; [1 0 0] since, so that stored rows run along +y and columns along +x. BEC states in
  eiger_4/orientation how many quarter turns anticlockwise (rot90) and then a transposition (transpose) lead to the view
  of somebody who looks towards the source, rows along -y and columns along +x; its 3 and 1 say the same as [1 0 0].
- Positions: scan_positions/scan_00123.dat, a table with names in its second line: Average_x_st_fzp and
  Average_y_st_fzp, in older files Average_x and Average_y, in um (PS multiplies by 1e-6), or the same names in
  /entry/collection/orchestra of the HDF5 file. PS negates them to get where the beam meets the sample: they are the
  translation of the stage, along +x and +y of that image.
- Mask: PS' eiger_4_valid_mask.h5 has /entry/collection/mask in the layout of the stored frames, 1 where a pixel is
  good: --map mask=good:eiger_4_valid_mask.h5::/entry/collection/mask.
- Energy: /entry/instrument/monochromator/energy in keV (BEC). Pixel: eiger_4/x_pixel_size in um (BEC).
- Distance: no file has the distance from sample to detector. /entry/instrument/monochromator/distance, in mm, is where
  the monochromator stands (BEC: -5220 - samz), and would make pixels wrong by a quarter; it is not taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.csaxs_folders import HDF5_ENDINGS, natural, position_file, scan_number
from picpxct_nx.formats.foreign import Directions, ForeignScan, PositionAxes
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.linked import Linked, joined
from picpxct_nx.formats.mapped import Files, opened, read_arrays
from picpxct_nx.formats.places import number, text, time, whole
from picpxct_nx.formats.ranges import take
from picpxct_nx.formats.selection import describe
from picpxct_nx.formats.table import read_table
from picpxct_nx.values import Array, ArraySource, Value

DETECTORS = ("eiger_4", "eiger9m", "eiger_3", "eiger_1")
FRAMES = (*(f"/entry/instrument/{name}/data" for name in DETECTORS), "/entry/data/eiger_4", "/eh5/images")
GROUPS = tuple(f"/entry/instrument/{name}" for name in DETECTORS)
OWN = (*GROUPS, *FRAMES, "/entry/collection/orchestra")
# What cSAXS and its copies also call the frames; too common to know a file by.
ALSO = ("/entry/data/data",)
MONOCHROMATOR = "/entry/instrument/monochromator"
ORCHESTRA = "/entry/collection/orchestra"
NAMES = (("Average_y_st_fzp", "Average_x_st_fzp"), ("Average_y", "Average_x"))
AXES = PositionAxes("stage", ("+y", "+x"), "um")
CHANGED = date(2018, 8, 30)


def is_csaxs(start: Start) -> bool:
    """Whether a folder is that of a scan number, or an HDF5 file has the frames of a cSAXS detector."""
    if start.path.is_dir():
        return scan_number(start.path) is not None
    return any(start.has(path) for path in OWN)


@contextmanager
def read_csaxs(source: Source) -> Iterator[ForeignScan]:
    """The scan in a folder or file of cSAXS; its frames can be read while the context lasts.

    Raises
    ------
    InputError
        Frames or positions are not there or do not fit together, or what the orientation depends on is not known.
    """
    paths = _files(source.path)
    with opened(paths[0]) as files:
        linked = [files.follow(path) for path in paths]
        frames, place, with_frames = _frames(linked, source.path.name)
        first = with_frames[0]
        notes = [f"frames: {place} of {', '.join(file.path.name for file in with_frames)}"]
        directions, about = _orientation(first, place, source)
        notes += about
        keys = {role: found for role, found in source.keys.items() if role in ("positions", "mask", "monitor", "probe")}
        arrays, more = read_arrays(files, keys)
        axes = source.axes.positions or AXES
        if "positions" not in arrays:
            arrays["positions"], about = _positions(files, first, source)
            more += about
        frames, used = take(frames, source.stated.get("frames"), "frames")
        positions, also = take(arrays["positions"], source.stated.get("positions"), "positions")
        _check_counts(source, frames.shape[0], positions.shape[0])
        values, about = _values(first, place)
        yield ForeignScan(
            name=_name(source.path),
            format="csaxs",
            inputs=files.inputs,
            frames=frames,
            frame_axes=directions,
            positions=np.asarray(positions[...]),
            axes=axes,
            probe=arrays.get("probe"),
            mask=arrays.get("mask"),
            monitor=arrays.get("monitor"),
            metadata=values,
            options={"map": describe(keys) or "none", **used, **also},
            notes=(*source.axes.notes, *notes, *more, *about),
        )


def _name(path: Path) -> str:
    found = scan_number(path)
    return path.name if found is None else f"S{found:05d}"


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted((each for each in path.iterdir() if each.suffix.lower() in HDF5_ENDINGS), key=natural)
    if not found:
        raise InputError(
            f"{path.name}: the folder holds no HDF5 file ({', '.join(sorted(HDF5_ENDINGS))}); "
            "is the scan complete? cbf files are not read"
        )
    return found


def _frames(files: list[Linked], name: str) -> tuple[ArraySource, str, list[Linked]]:
    """Frames of all files that have any, where they are, and in which files."""
    for place in (*FRAMES, *ALSO):
        found = {id(file): (file, _parts(file, place)) for file in files}
        with_frames = [file for file, parts in found.values() if parts]
        if with_frames:
            return (
                joined([part for _, parts in found.values() for part in parts], f"{name}: {place}"),
                place,
                with_frames,
            )
    raise InputError(
        f"{name}: no frames at {', '.join((*FRAMES, *ALSO))} of {', '.join(file.path.name for file in files)}; "
        "name the place with --format hdf5 --map data=PATH"
    )


def _parts(file: Linked, place: str) -> list[ArraySource]:
    found = file.find(place)
    if isinstance(found, h5py.Group):
        inside = [name for name in file.names(place) if name == "data" or name.startswith("data_")]
        each = [file.frames(f"{place}/{name}") for name in sorted(inside, key=lambda name: natural(Path(name)))]
        return [part for part in each if part is not None]
    part = file.frames(place)
    return [] if part is None or len(part.shape) != 3 else [part]


def _orientation(file: Linked, place: str, source: Source) -> tuple[Directions, list[str]]:
    """Laboratory directions of rows and columns as stored, and how they are known."""
    if source.axes.frames is not None:
        rows, columns = source.axes.frames
        return source.axes.frames, [f"frames: --axes says that rows run along {rows} and columns along {columns}"]
    group = f"{_detector(file, place)}/orientation"
    turns, transposed = whole(file, f"{group}/rot90"), whole(file, f"{group}/transpose")
    if turns is not None and transposed is not None:
        found = camera_directions(turns, transpose=bool(transposed))
        how = f"{group}: rot90 {turns} and then transpose {transposed} give the view towards the source"
        return found, [f"frames: rows run along {found[0]}, columns along {found[1]} ({how})"]
    when = text(file, "/entry/start_time") or source.stated.get("start_time", "")
    try:
        day = datetime.fromisoformat(when).date()
    except ValueError:
        raise InputError(
            f"{_name(source.path)}: the orientation of the frames changed on {CHANGED}, and no time of the scan is "
            "known: add --set start_time=TIME, or say it with --axes 'frames:+y,+x' (flags [1 0 0]) or "
            "'frames:+x,-y' (flags [0 0 1])"
        ) from None
    flags = (1, 0, 0) if day >= CHANGED else (0, 0, 1)
    found = flag_directions(*flags)
    side = "since" if day >= CHANGED else "before"
    how = f"flags {list(flags)}, in force {side} {CHANGED}; the scan is of {day}"
    return found, [f"frames: rows run along {found[0]}, columns along {found[1]} ({how})"]


def _detector(file: Linked, place: str) -> str:
    """The group that describes the detector; frames may stand elsewhere, as in /entry/data/data."""
    groups = (place.rpartition("/")[0], *GROUPS)
    described = (g for g in groups if any(file.find(f"{g}/{n}") is not None for n in ("x_pixel_size", "orientation")))
    return next(described, groups[0])


def flag_directions(transpose: int, fliplr: int, flipud: int) -> Directions:
    """Directions of stored rows and columns under PtychoShelves' flags, which act on the transposed of the stored."""
    y, x = ("-y" if flipud else "+y"), ("-x" if fliplr else "+x")
    return (y, x) if transpose else (x, y)


def camera_directions(rot90: int, *, transpose: bool) -> Directions:
    """Directions of stored rows and columns where turns and a transposition lead to rows along -y, columns along +x."""
    plain = (("-y", "+x"), ("+x", "+y"), ("+y", "-x"), ("-x", "-y"))
    transposed = (("+x", "-y"), ("-y", "-x"), ("-x", "+y"), ("+y", "+x"))
    return (transposed if transpose else plain)[rot90 % 4]


def _positions(files: Files, file: Linked, source: Source) -> tuple[Array, list[str]]:
    """Columns y, x in um, from the table of the scan or from the file itself, and where they were."""
    for names in NAMES:
        found = [file.dataset(f"{ORCHESTRA}/{name}") for name in names]
        if all(item is not None for item in found):
            columns = np.stack([np.asarray(item[()], np.float64).ravel() for item in found if item is not None], axis=1)
            return columns, [f"positions: {' and '.join(names)} of {ORCHESTRA}, in um"]
    path = position_file(source.path, source.root)
    files.also(path)
    table = read_table(path)
    for names in NAMES:
        if all(name in table for name in names):
            notes = [f"positions: {' and '.join(names)} of {path.name}, in um: the translation of the stage"]
            if "Average_rotz_st" in table:
                notes.append(
                    f"positions: {path.name} has Average_rotz_st; nothing is corrected with it (PtychoShelves does for "
                    "OMNY and flOMNI, not for LamNI)"
                )
            return np.stack([table[name] for name in names], axis=1), notes
    raise InputError(
        f"{path.name}: has columns {', '.join(list(table)[:12])}; wanted {' and '.join(NAMES[0])}; name others with "
        f"--map positions={path.name}::Y+{path.name}::X"
    )


def _check_counts(source: Source, frames: int, positions: int) -> None:
    if frames != positions:
        fewer = min(frames, positions)
        what = "frames" if frames > positions else "positions"
        raise InputError(
            f"{_name(source.path)}: {frames} frames but {positions} positions; find out which belong together, and "
            f"take them with --set {what}=0:{fewer} (in a manifest, a column {what})"
        )


def _values(file: Linked, place: str) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    notes: list[str] = []
    detector = _detector(file, place)
    for ours, path, wanted, unit in (
        ("instrument/monochromator/energy", f"{MONOCHROMATOR}/energy", "eV", "keV"),
        ("instrument/detector/x_pixel_size", f"{detector}/x_pixel_size", "m", "um"),
        ("instrument/detector/y_pixel_size", f"{detector}/y_pixel_size", "m", "um"),
    ):
        found, more = number(file, path, wanted, unit)
        notes += more
        if found is not None:
            values[ours] = found
            notes.append(f"{path}: {found:.9g} {wanted}")
    if file.find(f"{MONOCHROMATOR}/distance") is not None:
        notes.append(
            f"{MONOCHROMATOR}/distance: is where the monochromator stands, not taken as the distance of the detector"
        )
    for ours, path in (("instrument/detector/description", f"{detector}/description"), ("title", "/entry/title")):
        word = text(file, path)
        if word:
            values[ours] = word
    when, more = time(text(file, "/entry/start_time"), "/entry/start_time")
    if when is not None:
        values["start_time"] = when
    return values, notes + more


FORMAT = Format(
    name="csaxs",
    about="raw scans of cSAXS (X12SA, SLS): a folder of S-numbers with a manifest, or one scan; Eiger HDF5 files and "
    "scan_NNNNN.dat",
    holds="raw scan",
    lacks=("distance of the detector", "count_time", "sample", "pixel_size and energy before 2018", *ALWAYS),
    detect=is_csaxs,
    read=read_csaxs,
)
