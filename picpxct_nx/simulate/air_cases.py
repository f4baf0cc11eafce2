"""Random images with a known ramp and known air: around the sample, on one side of it, or in a corner."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import phantom
from .images import View, with_noise
from .phantom import Phantom, Projection

Kind = Literal["annular", "one-sided", "corner", "none"]
KINDS: tuple[Kind, ...] = ("annular", "one-sided", "corner")

PIXEL = 50e-9
# Ramps up to so many cycles along the field, thickness in m, energies in eV, noise of real and imaginary part.
CYCLES, THICKNESS, ENERGIES, NOISE = 20.0, (1e-6, 12e-6), (5460.0, 5471.0, 5482.0, 5515.0), (0.02, 0.3)
# Part of the field that is air, at least and at most, and the shift of the sample in fields by kind.
SHARE = (0.15, 0.75)


@dataclass(frozen=True)
class AirCase:
    """An image as a solver might leave it: scale exp(i (constant + slope.(r - n // 2))) (t + noise).

    `image` (H, W) complex64; `weight` (H, W) the inverse of the variance up to a factor, zero where nothing is known;
    `air` (H, W) bool, the truth; `slope` rad per pixel (y, x); `noise` the standard deviation of real and imaginary
    part, relative to air, where the weight is 1.
    """

    kind: Kind
    image: NDArray[np.complex64]
    weight: NDArray[np.float64]
    air: NDArray[np.bool_]
    constant: float
    slope: tuple[float, float]
    scale: float
    noise: float
    thickness: float


def air_case(seed: int, kind: Kind, *, side: int = 192, noise: float | None = None) -> AirCase:
    """Draw a case; "none" is a sample that fills the field. Every second seed has a round, unevenly lit field."""
    rng = np.random.default_rng([seed, side])
    weight = _lit(side, rng) if seed % 2 else np.ones((side, side))
    thickness = float(np.exp(rng.uniform(*np.log(THICKNESS))))
    sample = _sample(kind, side, thickness, weight > 0, rng)
    energy = ENERGIES[int(rng.integers(len(ENERGIES)))]
    clean = phantom.transmission(sample, energy_ev=energy, polarisation=0.0)
    level = float(np.exp(rng.uniform(*np.log(NOISE)))) if noise is None else noise
    constant, scale = float(rng.uniform(-np.pi, np.pi)), float(np.exp(rng.normal(scale=0.3)))
    slope = rng.uniform(-CYCLES, CYCLES, 2) * 2 * np.pi / side
    white = with_noise(np.zeros(clean.shape, complex), level, int(rng.integers(2**31)))
    grain = white / np.sqrt(np.maximum(weight, 1e-4))
    y, x = np.ogrid[:side, :side]
    plane = constant + slope[0] * (y - side // 2) + slope[1] * (x - side // 2)
    image = scale * np.exp(1j * plane) * (clean + grain)
    air = (sample.thickness == 0) & (weight > 0)
    return AirCase(
        kind,
        image.astype(np.complex64),
        weight,
        air,
        constant,
        (float(slope[0]), float(slope[1])),
        scale,
        level,
        thickness,
    )


def _lit(side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Coverage of a round scan: flat inside, uneven by 10 %, falling to a tenth at the rim, 0 beyond."""
    y, x = (np.mgrid[:side, :side] - side / 2 + 0.5) / (side / 2)
    radius = np.hypot(y - rng.uniform(-0.05, 0.05), x - rng.uniform(-0.05, 0.05))
    fall = np.clip((0.93 - radius) / 0.25, 0.0, 1.0)
    uneven = 1 + 0.1 * np.cos(9 * x + rng.uniform(0, 6)) * np.cos(8 * y)
    lit = fall**1.5 * uneven
    return np.where(lit > 0.1, lit, 0.0)


def _sample(kind: Kind, side: int, thickness: float, known: NDArray[np.bool_], rng: np.random.Generator) -> Projection:
    """A particle that leaves the wanted part of the known field free."""
    field, share = side * PIXEL, (0.0, 0.0) if kind == "none" else SHARE
    view = View((side, side), PIXEL)
    for _ in range(200):
        turn = rng.uniform(0, 2 * np.pi) if kind != "corner" else np.pi / 4 + np.pi / 2 * rng.integers(4)
        size, off = {
            "annular": (rng.uniform(0.5, 0.8), 0.0),
            "one-sided": (rng.uniform(0.9, 1.8), rng.uniform(0.4, 0.7)),
            "corner": (rng.uniform(1.5, 2.2), rng.uniform(0.3, 0.6)),
            "none": (2.4, 0.0),
        }[kind]
        grown = phantom.polycrystal(
            size=(size * field, size * field * rng.uniform(0.85, 1.15), thickness),
            n_grains=int(rng.integers(4, 12)),
            max_tilt=0.6,
            seed=np.random.SeedSequence(int(rng.integers(2**31))),
        )
        moved = _moved(grown, (off * field * np.cos(turn), off * field * np.sin(turn)))
        seen = phantom.project(moved, shape=view.shape, pixel_size=view.pixel_size)
        air = (seen.thickness == 0) & known
        if share[0] <= air.sum() / known.sum() <= share[1]:
            return seen
    raise AssertionError(f"no sample leaves {share} of the field free")


def _moved(specimen: Phantom, by: tuple[float, float]) -> Phantom:
    """The specimen, moved by (x, y) in m."""
    step = np.array([*by, 0.0])
    return Phantom(tuple(replace(g, offsets=g.offsets + g.normals @ step) for g in specimen.grains))
