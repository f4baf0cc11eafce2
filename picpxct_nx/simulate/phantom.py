"""A polycrystalline V2O5 particle made of convex grains, projected exactly at any rotation and pixel size.

Coordinates in metres with the beam along +z; images are [y, x] with the origin at [h // 2, w // 2].
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import polyhedron
from .spectra import along, optical_constants, wavelength

Floats = NDArray[np.float64]

# A face as steep as this counts as parallel to the beam: dividing by its slope would only amplify rounding.
PARALLEL = 1e-12

# The hull of a particle touches an ellipsoid in this many directions, each pulled in by up to this share at random.
HULL_FACES, HULL_ROUGHNESS = 18, 0.15


@dataclass(frozen=True)
class Grain:
    """A convex crystal: the points p with normals @ p <= offsets, and its c axis.

    `normals` (m, 3) are unit vectors as (x, y, z), `offsets` (m,) in m, `axis` (3,) is a unit vector without sign.
    """

    normals: Floats
    offsets: Floats
    axis: Floats


@dataclass(frozen=True)
class Phantom:
    """A particle as disjoint convex grains; everything else is vacuum."""

    grains: tuple[Grain, ...]


@dataclass(frozen=True)
class Projection:
    """What the beam sees of a phantom, each array (h, w), averaged over the pixel.

    `label` is 0 in vacuum and else 1 + the index of the grain that is thickest there. `thickness` is
    T = sum_g t_g in m; `axis_xx`, `axis_xy`, `axis_yy` are sum_g t_g c_g c_g^T in m. These four describe every
    energy and polarisation. `azimuth` in [0, pi), from x towards y, and `tilt` in [0, pi/2], out of the sample
    plane, are those of the labelled grain's c axis, in rad, nan in vacuum.
    """

    label: NDArray[np.int32]
    thickness: Floats
    axis_xx: Floats
    axis_xy: Floats
    axis_yy: Floats
    azimuth: Floats
    tilt: Floats


def interval(grain: Grain, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Where rays along z enter and leave a grain, m, for ray positions (y, x) in m; top below bottom is a miss.

    Every face n . p <= d bounds z from above (n_z > 0), from below (n_z < 0), or keeps whole rays out (n_z = 0).
    """
    shape = np.broadcast_shapes(y.shape, x.shape)
    top, bottom = np.full(shape, np.inf), np.full(shape, -np.inf)
    for (n_x, n_y, n_z), offset in zip(grain.normals, grain.offsets, strict=True):
        room = offset - n_x * x - n_y * y
        if n_z > PARALLEL:
            np.minimum(top, room / n_z, out=top)
        elif n_z < -PARALLEL:
            np.maximum(bottom, room / n_z, out=bottom)
        else:
            top = np.where(room >= 0, top, -np.inf)
    return bottom, top


def rotate(phantom: Phantom, angle: float) -> Phantom:
    """Turn a phantom about the beam by `angle` rad, from x towards y; quarter turns are free of rounding."""
    cosine, sine = np.cos(angle), np.sin(angle)
    if np.isclose(2 * angle / np.pi, np.rint(2 * angle / np.pi), rtol=0, atol=1e-12):
        cosine, sine = np.rint(cosine), np.rint(sine)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    return Phantom(tuple(Grain(g.normals @ turn.T, g.offsets, turn @ g.axis) for g in phantom.grains))


def polycrystal(
    *, size: tuple[float, float, float], n_grains: int, max_tilt: float, seed: np.random.SeedSequence
) -> Phantom:
    """Draw a faceted particle of `n_grains` columnar grains, with a notch where one more grain is missing.

    The hull is a convex polyhedron inside the ellipsoid whose full axes are `size` (x, y, z) in metres. Its grains are
    Voronoi cells around columns along the beam, so that each ray crosses one grain. Azimuths of the c axes are spread
    evenly over half a turn and shuffled; tilts out of the sample plane are uniform up to `max_tilt` rad.
    """
    rng = np.random.default_rng(seed)
    half = np.array(size) / 2
    hull_normals, hull_offsets = faceted_hull(half, rng)
    sites = np.append(spread_sites(n_grains + 1, rng) * half[:2] * 0.8, np.zeros((n_grains + 1, 1)), axis=1)
    azimuths = rng.permutation((np.arange(n_grains) + rng.uniform(0.2, 0.8, n_grains)) * np.pi / n_grains)
    tilts = rng.uniform(0, max_tilt, n_grains)
    missing = int(np.argmax(np.hypot(*(sites / half).T[:2])))
    grains: list[Grain] = []
    for site in np.delete(np.arange(n_grains + 1), missing):
        toward = np.delete(sites, site, axis=0) - sites[site]
        distance = np.linalg.norm(toward, axis=1)
        cell_normals = toward / distance[:, None]
        cell_offsets = cell_normals @ sites[site] + distance / 2
        azimuth, tilt = azimuths[len(grains)], tilts[len(grains)]
        axis = np.array([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)])
        normals = np.concatenate([cell_normals, hull_normals])
        grains.append(Grain(normals, np.concatenate([cell_offsets, hull_offsets]), axis))
    return Phantom(tuple(grains))


def faceted_hull(half: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Faces of a rough convex body inside the ellipsoid with semi-axes `half`, between a flat top and bottom."""
    index = np.arange(HULL_FACES) + 0.5
    z = 1 - 2 * index / HULL_FACES
    turn = index * np.pi * (3 - np.sqrt(5)) + rng.uniform(0, 2 * np.pi)
    ring = np.sqrt(1 - z**2)
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    directions += rng.normal(scale=0.15, size=directions.shape)
    flat = np.array([[0.1, 0.05, 1.0], [0.05, -0.1, -1.0]])
    directions = np.concatenate([directions, flat])
    normals = directions / half
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    support = np.linalg.norm(normals * half, axis=1)
    return normals, support * (1 - rng.uniform(0, HULL_ROUGHNESS, len(normals)))


def spread_sites(n: int, rng: np.random.Generator) -> Floats:
    """Points (n, 2) in the unit disc that keep apart: each the remotest of twenty candidates (Mitchell 1991)."""
    sites = np.zeros((0, 2))
    for _ in range(n):
        radius, turn = np.sqrt(rng.uniform(size=20)), rng.uniform(0, 2 * np.pi, 20)
        candidates = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
        gaps = np.linalg.norm(candidates[:, None] - sites, axis=2)
        best = int(np.argmax(gaps.min(axis=1))) if len(sites) else 0
        sites = np.append(sites, candidates[best : best + 1], axis=0)
    return sites


def axes(shape: tuple[int, int], pixel_size: float) -> tuple[Floats, Floats]:
    """Coordinates y (h,) and x (w,) in metres of the pixel centres, zero at [h // 2, w // 2]."""
    y, x = (pixel_size * (np.arange(n, dtype=np.float64) - n // 2) for n in shape)
    return y, x


@dataclass(frozen=True)
class Layer:
    """One grain as the beam sees it: `place` (rows, columns) cuts the part of the image that it can touch.

    On that part (h', w') `thickness` is in m, `depth` the mean z of its matter in m, NaN beside it.
    """

    place: tuple[slice, slice]
    thickness: Floats
    depth: Floats


def layers(phantom: Phantom, *, shape: tuple[int, int], pixel_size: float, supersampling: int = 1) -> Iterator[Layer]:
    """Every grain of a phantom, in order, on pixels of `pixel_size` metres.

    Each pixel is the mean of supersampling x supersampling exact rays; with 1 it is the ray through its centre.
    """
    inside = (np.arange(supersampling) - (supersampling - 1) / 2) * pixel_size / supersampling
    centres = axes(shape, pixel_size)
    for grain in phantom.grains:
        solid = polyhedron.trimmed(grain.normals, grain.offsets)
        # One pixel more than needed, so that rounding loses nothing.
        reach = [(solid.low[k] - pixel_size, solid.high[k] + pixel_size) for k in (1, 0)]
        rows, columns = (slice(*np.searchsorted(axis, ends)) for axis, ends in zip(centres, reach, strict=True))
        y, x = ((axis[cut, None] + inside).ravel() for axis, cut in zip(centres, (rows, columns), strict=True))
        bottom, top = interval(Grain(solid.normals, solid.offsets, grain.axis), y[:, None], x[None, :])
        rays = np.maximum(top - bottom, 0.0)
        blocks = (len(y) // supersampling, supersampling, len(x) // supersampling, supersampling)
        thickness = rays.reshape(blocks).mean(axis=(1, 3))
        with np.errstate(invalid="ignore", divide="ignore"):
            moment = np.where(rays > 0, rays * (top + bottom) / 2, 0.0).reshape(blocks).mean(axis=(1, 3))
            yield Layer((rows, columns), thickness, moment / thickness)


def project(phantom: Phantom, *, shape: tuple[int, int], pixel_size: float, supersampling: int = 1) -> Projection:
    """Project a phantom along the beam onto pixels of `pixel_size` metres, each the mean of exact rays (`layers`)."""
    seen = layers(phantom, shape=shape, pixel_size=pixel_size, supersampling=supersampling)
    return stacked(phantom, seen, shape)


def stacked(phantom: Phantom, seen: Iterable[Layer], shape: tuple[int, int]) -> Projection:
    """The projection (h, w) that the layers of a phantom add up to."""
    total, thickest = np.zeros(shape), np.zeros(shape)
    tensor = np.zeros((3, *shape))
    label = np.zeros(shape, dtype=np.int32)
    for index, (grain, layer) in enumerate(zip(phantom.grains, seen, strict=True)):
        label[layer.place][layer.thickness > thickest[layer.place]] = index + 1
        np.maximum(thickest[layer.place], layer.thickness, out=thickest[layer.place])
        c_x, c_y, _ = grain.axis
        total[layer.place] += layer.thickness
        for part, weight in zip(tensor, (c_x * c_x, c_x * c_y, c_y * c_y), strict=True):
            part[layer.place] += weight * layer.thickness
    azimuth, tilt = axis_angles(phantom)
    return Projection(label, total, tensor[0], tensor[1], tensor[2], azimuth[label], tilt[label])


def axis_angles(phantom: Phantom) -> tuple[Floats, Floats]:
    """Azimuth in [0, pi) and tilt in [0, pi / 2] of the c axes by label, (n + 1,) rad, nan for label 0."""
    axis = np.array([grain.axis for grain in phantom.grains])
    azimuth = np.arctan2(axis[:, 1], axis[:, 0]) % np.pi
    tilt = np.arctan2(np.abs(axis[:, 2]), np.hypot(axis[:, 0], axis[:, 1]))
    return np.append(np.nan, azimuth), np.append(np.nan, tilt)


def transmission(projection: Projection, *, energy_ev: float, polarisation: float) -> NDArray[np.complex128]:
    """Complex transmission of a projected phantom for linearly polarised light.

    t = exp(i k sum_g t_g (-delta(w_g) + i beta(w_g))) with w_g = (e . c_g)^2 and delta, beta linear in w: matter
    has negative phase and |t| < 1. Light stays in its polarisation (no birefringence), good below 4 um of V2O5.

    Parameters
    ----------
    projection : arrays (h, w)
    polarisation : angle of the electric field from x towards y, rad, in the frame of the projection

    Returns
    -------
    (h, w) complex128, dimensionless
    """
    return np.asarray(np.exp(log_transmission(projection, energy_ev=energy_ev, polarisation=polarisation)))


def log_transmission(projection: Projection, *, energy_ev: float, polarisation: float) -> NDArray[np.complex128]:
    """Logarithm of `transmission`, (h, w): minus the loss in nepers, and the phase in rad, which does not wrap."""
    e_x, e_y = np.cos(polarisation), np.sin(polarisation)
    weighted = e_x * e_x * projection.axis_xx + 2 * e_x * e_y * projection.axis_xy + e_y * e_y * projection.axis_yy
    constants = optical_constants(energy_ev)
    (delta_0,), (beta_0,) = along(constants, 0.0)
    (delta_1,), (beta_1,) = along(constants, 1.0)
    across = -delta_0 + 1j * beta_0
    extra = (-delta_1 + 1j * beta_1) - across
    k = 2 * np.pi / wavelength(energy_ev)
    return np.asarray(1j * k * (across * projection.thickness + extra * weighted))
