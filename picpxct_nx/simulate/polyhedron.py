"""Convex bodies as half-spaces: which of their faces matter, and how far they reach."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection

Floats = NDArray[np.float64]

# A face is kept where a corner comes as near to it, relative to the size of the body.
_TOUCHES = 1e-9


@dataclass(frozen=True)
class Solid:
    """The points p with normals @ p <= offsets, without faces that bound nothing, and the box low to high (3,) m."""

    normals: Floats
    offsets: Floats
    low: Floats
    high: Floats


def interior(normals: Floats, offsets: Floats) -> tuple[Floats, float]:
    """Centre (3,) and radius, m, of the largest ball inside; the radius is not above zero where nothing is inside.

    Maximise r with n . c + r <= d: a linear programme, as the normals are unit vectors.
    """
    scale = float(np.abs(offsets).max()) or 1.0
    found = linprog(
        (0, 0, 0, -1), np.column_stack([normals, np.ones(len(normals))]), offsets / scale,
        bounds=[(None, None)] * 3 + [(None, 1.0)],
    )  # fmt: skip
    if not found.success:
        return np.zeros(3), -1.0
    return np.asarray(found.x[:3] * scale), float(found.x[3] * scale)


def corners(normals: Floats, offsets: Floats) -> Floats:
    """Corners (n, 3) of a bounded body in m; none where it is empty."""
    centre, radius = interior(normals, offsets)
    if radius <= 0:
        return np.zeros((0, 3))
    # Qhull takes n . p - d <= 0; in units of the body its tolerances fit.
    scale = float(np.abs(offsets - normals @ centre).max())
    faces = np.column_stack([normals, (normals @ centre - offsets) / scale])
    return np.asarray(HalfspaceIntersection(faces, np.zeros(3)).intersections * scale + centre)


def trimmed(normals: Floats, offsets: Floats) -> Solid:
    """The same body with only the faces that a corner lies on; an empty one keeps all faces and has an empty box."""
    return _trimmed(normals.tobytes(), offsets.tobytes())


@lru_cache(maxsize=1024)
def _trimmed(normals_bytes: bytes, offsets_bytes: bytes) -> Solid:
    # A grain is projected at many energies, its corners are looked for once.
    normals, offsets = np.frombuffer(normals_bytes).reshape(-1, 3), np.frombuffer(offsets_bytes)
    found = corners(normals, offsets)
    if not len(found):
        return Solid(normals, offsets, np.zeros(3), np.full(3, -1.0))
    size = float(np.ptp(found, axis=0).max())
    kept = (offsets - found @ normals.T).min(axis=0) <= _TOUCHES * size
    return Solid(normals[kept], offsets[kept], found.min(axis=0), found.max(axis=0))
