"""Geometry of a CXI file: how its frames are turned, how far and how large the pixels are, where the beam is.

The conventions and their sources stand at the top of `cxi`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, UnitError
from picpxct_nx.formats.foreign import Directions
from picpxct_nx.values import Array, Value

DETECTOR = "entry_1/instrument_1/detector_1"
DEFAULT_BASIS: Directions = ("-y", "-x")
# A basis vector may lean by so much, or a pixel size differ by so much, before it is a contradiction.
TOLERANCE = 1e-3

Sizes = dict[str, float]


@dataclass(frozen=True)
class Geometry:
    """Laboratory directions of the frames, values by path of the definition, the beam's pixel, and what to tell."""

    directions: Directions
    values: Mapping[str, Value]
    beam_px: tuple[float, float] | None
    notes: tuple[str, ...]


def scalar(file: h5py.File, path: str, wanted: str) -> tuple[float | None, list[str]]:
    """A number in the unit `wanted`, which is CXI's where the field names none."""
    item = file.get(path)
    if not isinstance(item, h5py.Dataset) or item.size != 1 or item.dtype.kind not in "iuf":
        return None, []
    value, unit = float(np.asarray(item[()]).ravel()[0]), item.attrs.get("units")
    if unit is None:
        return value, []
    try:
        text, note = units.translate(unit.decode() if isinstance(unit, bytes) else str(unit))
        return value * units.factor(text, wanted), [f"{path}: {note}"] if note else []
    except UnitError as error:
        raise InputError(f"{path}: {error}; wanted a unit such as {wanted}") from None


def read_geometry(file: h5py.File, shape: tuple[int, ...], turned: Directions | None) -> Geometry:
    """The geometry that a CXI file states for frames of `shape` (n, h, w); `turned` overrules its directions.

    Raises
    ------
    InputError
        The detector is tilted, or basis vectors and pixel sizes contradict each other.
    """
    basis = _basis(file)
    directions = turned or (DEFAULT_BASIS if basis is None else (_direction(basis[0]), _direction(basis[1])))
    if directions[0][1] == directions[1][1]:
        raise InputError(f"{DETECTOR}/basis_vectors: both run along {directions[0][1]}; wanted one along x and one y")
    source = "--axes" if turned else "no basis_vectors: CXI's default" if basis is None else "basis_vectors"
    notes = [f"frames: rows run along {directions[0]}, columns along {directions[1]} ({source})"]
    sizes, about_sizes = _sizes(file, None if turned else basis, directions)
    distance, about_distance = scalar(file, f"{DETECTOR}/distance", "m")
    corner = _corner(file)
    if distance is None and corner is not None:
        distance = float(corner[2])
        notes.append(f"{DETECTOR}/corner_position: its z is taken as the distance")
    values: dict[str, Value] = {f"instrument/detector/{axis}_pixel_size": size for axis, size in sizes.items()}
    if distance is not None:
        values["instrument/detector/distance"] = distance
    beam = None if corner is None else _beam(corner, directions, sizes, shape)
    if corner is not None:
        text = f"puts the direct beam at pixel {beam}" if beam else "puts the direct beam off the frames: not taken"
        notes.append(f"{DETECTOR}/corner_position: {text}")
    return Geometry(directions, values, beam, (*notes, *about_sizes, *about_distance))


def _sizes(file: h5py.File, basis: Array | None, directions: Directions) -> tuple[Sizes, list[str]]:
    """Pixel sizes by axis, m: as stated, else from the basis vectors, with which they must agree."""
    sizes: Sizes = {}
    notes: list[str] = []
    for axis in "xy":
        stated, more = scalar(file, f"{DETECTOR}/{axis}_pixel_size", "m")
        notes += more
        if stated is not None:
            sizes[axis] = stated
    for direction, vector in zip(directions, () if basis is None else basis, strict=basis is not None):
        length, axis = float(np.linalg.norm(vector)), direction[1]
        if abs(length / sizes.setdefault(axis, length) - 1) > TOLERANCE:
            raise InputError(
                f"{DETECTOR}: basis_vectors say {length:.6g} m, {axis}_pixel_size {sizes[axis]:.6g} m; correct the file"
            )
    return sizes, notes


def _basis(file: h5py.File) -> Array | None:
    item = file.get(f"{DETECTOR}/basis_vectors")
    if item is None:
        return None
    vectors = np.asarray(item[()], np.float64)
    if vectors.shape == (3, 2):
        vectors = vectors.T
    if vectors.shape != (2, 3):
        raise InputError(f"{DETECTOR}/basis_vectors: shape {vectors.shape}; wanted (2, 3), one for each image axis")
    return vectors


def _direction(vector: Array) -> str:
    axis = int(np.argmax(np.abs(vector)))
    rest = np.delete(vector, axis)
    if axis == 2 or not np.isfinite(vector).all() or np.abs(rest).max() > TOLERANCE * abs(vector[axis]):
        raise InputError(
            f"{DETECTOR}/basis_vectors: {vector.tolist()} is along neither x nor y; a tilted detector is not read: "
            "turn the frames first"
        )
    return ("+" if vector[axis] > 0 else "-") + "xy"[axis]


def _corner(file: h5py.File) -> Array | None:
    item = file.get(f"{DETECTOR}/corner_position")
    values = np.asarray(item[()], np.float64).ravel() if isinstance(item, h5py.Dataset) else np.empty(0)
    return values if values.shape == (3,) and np.isfinite(values).all() else None


def _beam(corner: Array, directions: Directions, sizes: Sizes, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Row and column at x = y = 0, from the outer corner of pixel (0, 0); None where that is off the frames."""
    found = []
    for direction, length in zip(directions, shape[1:], strict=True):
        size = sizes.get(direction[1])
        if size is None:
            return None
        along = corner["xy".index(direction[1])] * (1 if direction[0] == "+" else -1)
        index = float(-along / size - 0.5)
        if not -0.5 <= index <= length - 0.5:
            return None
        found.append(round(index, 6))
    return found[0], found[1]
