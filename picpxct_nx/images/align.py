"""Align: by how much the energies of each polarisation of a stacked cube are out of place, to hundredths of a pixel."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from picpxct_nx import stages
from picpxct_nx.errors import InputError
from picpxct_nx.images import correlation, extension, features, shifts
from picpxct_nx.images.cubes import ENERGY_TOLERANCE_EV, Projections, finite, pixel_steps, polarisations
from picpxct_nx.images.features import Feature, Real
from picpxct_nx.images.shifts import Strategy
from picpxct_nx.provenance import Input
from picpxct_nx.records import SpectralCube
from picpxct_nx.values import Room, in_memory

# Without --max-shift, a shift beyond this part of the width of the known field is taken for a failure.
LARGEST_SHIFT = 0.25
# Noise alone reaches this many times the mean of its correlation once in 1e8 places.
LEAST_CONTRAST = 40.0
ANGLE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class AlignOptions:
    """What is looked at, how shifts are found, which energy in eV stays where it is, and how large in m they may be."""

    on: Feature = "gradient"
    strategy: Strategy = "mean"
    reference_ev: float | None = None
    max_shift: float | None = None


@dataclass(frozen=True)
class Found:
    """Shifts of a cube, (P, E, 2) in m along y and x, NaN where there is no projection, and what is known about them.

    `errors` and `spread` are (P, E, 2) in m, `misfit` is (P, E), `closure` (P,) in m, `reference_ev` (P,).
    """

    shift: Real
    errors: Real
    spread: Real | None = None
    misfit: Real | None = None
    closure: Real | None = None
    reference_ev: Real | None = None
    rounds: int = 0
    source: "tuple[Donor, ...]" = ()


@dataclass(frozen=True)
class Donor:
    """An aligned cube that gives its shifts to another, and how the history names it."""

    cube: SpectralCube
    input: Input


def find_shifts(cube: SpectralCube, options: AlignOptions, room: Room = in_memory) -> Found:
    """Shifts that bring the energies of each polarisation onto each other.

    Parameters
    ----------
    cube : SpectralCube
        Stacked: (P, E, H, W), 1 in air.
    options : AlignOptions
    room : Room
        Makes what the spectra of a polarisation lie in.

    Returns
    -------
    Found
        The mean of the shifts of a polarisation is zero, or the shift of the reference, where one is asked for.

    Raises
    ------
    InputError
        A polarisation has one energy, a projection has no contrast, is not finite, or moved further than it may.

    References
    ----------
    Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156 (2008).
    """
    stages.require(cube, "stacked", "align")
    shape = (*np.shape(cube.valid), 2)
    shift, errors, spread = (np.full(shape, np.nan) for _ in range(3))
    misfit, closure, chosen = np.full(shape[:2], np.nan), np.full(shape[0], np.nan), np.full(shape[0], np.nan)
    metres, rounds = np.array(pixel_steps(cube)), 0
    for one in polarisations(cube):
        if len(one.energies) < 2:
            raise InputError(
                f"{one.name()}: has {len(one.energies)} energy; wanted two or more to align: stack more scans"
            )
        reference, series, apart = _of_polarisation(one, options, room)
        where = (one.index, one.energies)
        chosen[one.index] = cube.energy_ev[one.energies[reference]]
        shift[where], errors[where] = series.shift_px * metres, series.errors_px * np.abs(metres)
        spread[where], misfit[where] = apart * metres, 1 - series.coherence
        closure[one.index] = np.nan if series.closure_px is None else series.closure_px * np.abs(metres).mean()
        rounds = max(rounds, series.rounds)
        _refuse_large(one, shift[where], options.max_shift)
    pairs = closure if options.strategy == "all-pairs" else None
    return Found(shift, errors, spread, misfit, pairs, chosen, rounds)


def _of_polarisation(one: Projections, options: AlignOptions, room: Room) -> tuple[int, shifts.Series, Real]:
    """Reference, series of one polarisation, and by how much another feature would place each image elsewhere."""
    window, still = features.window(one.known), np.zeros((len(one.energies), 2))
    spectra, where = _spectra(one, options.on, window, still, room)
    powers = [correlation.power(values, where) for values in spectra]
    reference = int(np.argmax(powers)) if options.reference_ev is None else one.nearest(options.reference_ev)
    series = shifts.series(spectra, where, options.strategy, reference)
    _refuse_flat(one, series, window, options.on)
    # A window that stands still cuts another part of a sample that drifts, and holds its image back by some percent of
    # the drift. Now that the drift is known well enough, each image gets the window that went along with it.
    along = series.shift_px - series.shift_px.mean(axis=0)
    window = features.window(extension.common_mask(one.known, along))
    del spectra  # the next ones take its room
    spectra, where = _spectra(one, options.on, window, along, room)
    series = shifts.series(spectra, where, options.strategy, reference)
    if options.reference_ev is None and options.strategy != "reference":
        series = dataclasses.replace(series, shift_px=series.shift_px - series.shift_px.mean(axis=0))
    del spectra
    spectra, where = _spectra(one, features.other(options.on), window, along, room)
    elsewhere, _ = shifts.onto_the_mean(spectra, where, series.shift_px)
    apart = elsewhere - series.shift_px
    return reference, series, apart - apart.mean(axis=0)


def _spectra(
    one: Projections, name: Feature, window: Real, along: Real, room: Room
) -> tuple[shifts.Spectra, correlation.Band]:
    """Spectra of the images through a window that each image is to be moved into by its shift `along` (n, 2), px."""
    where = correlation.band(window.shape, real=name != "t-1")
    level = window > 0 if one.air is None or not one.air.any() else one.air
    spectra = room((len(one.energies), len(where.y), len(where.x)), np.complex64)
    for number, energy in enumerate(one.energies):
        image = finite(one, energy)
        light = ndimage.shift(window, -along[number], np.float32, order=1) if np.any(along) else window
        feature = features.extract(image, name, level) * light.astype(np.float32)
        spectra[number] = correlation.spectrum(feature, where)
    return spectra, where


def _refuse_flat(one: Projections, series: shifts.Series, window: Real, on: Feature) -> None:
    """Refuse images that have no more in common with the others than noise would."""
    # Smoothing by a Gaussian leaves one independent sample in 4 pi sigma^2 pixels.
    each = 4 * np.pi * features.SMOOTHING_PX**2 if on == "gradient" else 1.0
    samples = np.sum(window**2) ** 2 / np.sum(window**4) / each
    flat = np.flatnonzero(~(series.coherence * samples > LEAST_CONTRAST))
    if len(flat):
        first = flat[0]
        more = f" ({len(flat)} of {len(series.coherence)} projections)" if len(flat) > 1 else ""
        raise InputError(
            f"{one.name(one.energies[first])}: shares {series.coherence[first]:.2g} of its {on} with the others, no "
            f"more than noise would{more}; nothing to align: leave it out of the stack, or choose another --on"
        )


def _refuse_large(one: Projections, shift: Real, most: float | None) -> None:
    field = LARGEST_SHIFT * np.sqrt(one.known.sum() * abs(one.steps[0] * one.steps[1]))
    allowed, source = (field, "a quarter of the field") if most is None else (most, "--max-shift")
    worst = int(np.argmax(np.abs(shift).max(axis=1)))
    length = np.abs(shift[worst]).max()
    if length > allowed:
        raise InputError(
            f"{one.name(one.energies[worst])}: moved by {length * 1e9:.4g} nm; {source} allows {allowed * 1e9:.4g} nm: "
            "look at the projection, and allow more or leave it out of the stack"
        )


def shifts_of(cube: SpectralCube, donor: Donor, max_shift: float | None = None) -> Found:
    """Shifts that were found for another cube, for the same energies and polarisations of this one.

    Raises
    ------
    InputError
        The other has no shifts, or lacks a projection of this one, or one moved further than it may.
    """
    stages.require(cube, "stacked", "align")
    other = donor.cube
    stages.require(other, "aligned", "align --from")
    given, errors = (other.extra.get(f"projections/{name}") for name in ("shift", "shift_errors"))
    if given is None:
        raise InputError(f"{other.entry}/projections/shift: missing; align the other cube with picpxct align")
    shape = (*np.shape(cube.valid), 2)
    found = [np.full(shape, np.nan), np.full(shape, np.nan)]
    for one in polarisations(cube):
        row = _same_polarisation(cube, other, one)
        for energy in one.energies:
            column = int(np.argmin(np.abs(other.energy_ev - cube.energy_ev[energy])))
            apart = abs(float(other.energy_ev[column] - cube.energy_ev[energy]))
            if apart > ENERGY_TOLERANCE_EV or not other.valid[row, column]:
                raise InputError(f"{one.name(energy)}: {other.entry} has no shift for it; wanted one within 0.2 eV")
            for mine, theirs in zip(found, (given, errors), strict=True):
                if theirs is not None:
                    mine[one.index, energy] = np.asarray(theirs)[row, column]
        _refuse_large(one, found[0][one.index, one.energies], max_shift)
    return Found(found[0], found[1], source=(donor,))


def _same_polarisation(cube: SpectralCube, other: SpectralCube, one: Projections) -> int:
    """Row of the other cube with the Stokes vector and the rotation of a polarisation of this one."""
    apart = np.abs(np.asarray(other.stokes) - cube.stokes[one.index]).max(axis=1)
    turned = np.abs(np.asarray(other.rotation) - cube.rotation[one.index])
    same = np.flatnonzero((apart < ANGLE_TOLERANCE) & (turned < ANGLE_TOLERANCE))
    if not len(same):
        raise InputError(f"{one.name()}: {other.entry} has no such polarisation; give the cube of the same scans")
    return int(same[0])
