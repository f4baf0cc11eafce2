"""Particles to draw: columns along the beam, an aggregate of Voronoi grains in three dimensions, or platelets."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError

from .phantom import Grain, Phantom, faceted_hull, polycrystal, spread_sites

Floats = NDArray[np.float64]
Kind = Literal["columns", "aggregate", "platelets"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Sides of a platelet along b, a and c of V2O5, which cleaves across c, relative to the length that fills the particle.
PLATELET = (1.0, 0.6, 0.25)
# Part of the particle that platelets fill at most, and how often a place is looked for before it counts as full.
FILLING, TRIES = 0.12, 2000


def particle(
    kind: str, *, size: tuple[float, float, float], n_grains: int, max_tilt: float, seed: np.random.SeedSequence
) -> Phantom:
    """Draw a particle of one kind.

    Parameters
    ----------
    kind : columns, one grain along each ray (`polycrystal`); aggregate, grains behind each other; platelets, with air
        between them
    size : full axes (x, y, z) of the ellipsoid that it lies in, m
    n_grains : how many
    max_tilt : largest angle between c axis and sample plane, rad

    Raises
    ------
    UsageError
        The kind is not known, or so many platelets find no room.
    """
    if kind == "columns":
        return polycrystal(size=size, n_grains=n_grains, max_tilt=max_tilt, seed=seed)
    if kind not in KINDS:
        raise UsageError(f"specimen '{kind}' is not known; wanted one of {', '.join(KINDS)}")
    made = _aggregate if kind == "aggregate" else _platelets
    return made(np.array(size) / 2, n_grains, max_tilt, np.random.default_rng(seed))


def axes_of(n: int, max_tilt: float, rng: np.random.Generator) -> Floats:
    """C axes (n, 3): azimuths spread evenly over half a turn and shuffled, tilts uniform up to `max_tilt` rad."""
    azimuth = rng.permutation((np.arange(n) + rng.uniform(0.2, 0.8, n)) * np.pi / n)
    tilt = rng.uniform(0, max_tilt, n)
    return np.stack([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)], axis=1)


def _aggregate(half: Floats, n_grains: int, max_tilt: float, rng: np.random.Generator) -> Phantom:
    """Voronoi cells of sites in a faceted hull inside the ellipsoid with semi-axes `half`, (x, y, z) in m."""
    hull_normals, hull_offsets = faceted_hull(half, rng)
    disc = spread_sites(n_grains, rng)
    z = np.sqrt(1 - np.sum(disc**2, axis=1)) * rng.uniform(-1, 1, n_grains)
    sites = np.column_stack([disc, z]) * half * 0.8
    grains = []
    for number, axis in enumerate(axes_of(n_grains, max_tilt, rng)):
        toward = np.delete(sites, number, axis=0) - sites[number]
        distance = np.linalg.norm(toward, axis=1)
        normals = toward / distance[:, None]
        offsets = normals @ sites[number] + distance / 2
        grains.append(Grain(np.concatenate([normals, hull_normals]), np.concatenate([offsets, hull_offsets]), axis))
    return Phantom(tuple(grains))


def _platelets(half: Floats, n_grains: int, max_tilt: float, rng: np.random.Generator) -> Phantom:
    """Disjoint rectangular crystals, thin along c, at random places of the ellipsoid with semi-axes `half` in m."""
    volume = FILLING * 4 / 3 * np.pi * np.prod(half) / n_grains
    sides = np.array(PLATELET) * np.cbrt(volume / np.prod(PLATELET)) / 2
    placed: list[tuple[Floats, Floats]] = []
    for axis in axes_of(n_grains, max_tilt, rng):
        for _ in range(TRIES):
            frame = _frame(axis, rng.uniform(0, 2 * np.pi))
            corners = _corners(frame, sides)
            room = half - np.abs(corners).max(axis=0)
            centre = rng.uniform(-1, 1, 3) * np.maximum(room, 0)
            inside = np.all(np.sum(((corners + centre) / half) ** 2, axis=1) <= 1)
            if inside and not any(_touch((frame, centre), other, sides) for other in placed):
                placed.append((frame, centre))
                break
        else:
            raise UsageError(f"{n_grains} platelets find no room in the particle; wanted fewer: lower n_grains")
    return Phantom(tuple(_box(frame, centre, sides) for frame, centre in placed))


def _frame(axis: Floats, turn: float) -> Floats:
    """Unit vectors (3, 3) along b, a and c of a crystal, turned about c by `turn` rad."""
    across = np.cross(axis, (0.0, 0.0, 1.0))
    across = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(across) < 1e-9 else across / np.linalg.norm(across)
    up = np.cross(axis, across)
    b = np.cos(turn) * across + np.sin(turn) * up
    return np.stack([b, np.cross(axis, b), axis])


def _corners(frame: Floats, sides: Floats) -> Floats:
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 3)).reshape(3, -1).T
    return np.asarray((signs * sides) @ frame)


def _box(frame: Floats, centre: Floats, sides: Floats) -> Grain:
    normals = np.concatenate([frame, -frame])
    return Grain(normals, normals @ centre + np.concatenate([sides, sides]), frame[2])


def _touch(one: tuple[Floats, Floats], other: tuple[Floats, Floats], sides: Floats) -> bool:
    """Whether two boxes overlap: no face normal and no product of two edges separates them."""
    (a, at), (b, there) = one, other
    crossed = np.cross(a[:, None], b[None]).reshape(-1, 3)
    directions = np.concatenate([a, b, crossed[np.linalg.norm(crossed, axis=1) > 1e-9]])
    reach = np.abs(directions @ a.T) @ sides + np.abs(directions @ b.T) @ sides
    return bool(np.all(np.abs(directions @ (there - at)) < reach))
