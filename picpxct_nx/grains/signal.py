"""Dichroic signal of every pixel: the maps that windows in energy cut out of normalised spectra."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.grains.windows import EDGE_EV, Name, Windows, image, inside, usable
from picpxct_nx.records import NormalizedCube
from picpxct_nx.values import Array, ArraySource

Floats = NDArray[np.float64]

# Fewer neighbourhoods than this say nothing about the noise.
_LEAST_SEEN = 25


@dataclass(frozen=True)
class Maps:
    """Signal and standard deviation (P, H, W), NaN where not usable; `thickness` (H, W) in m, if known.

    `noise` is the median standard deviation of the usable pixels; `common` says whether the maps were divided by one
    thickness for all polarisations instead of what normalise had divided each by.
    """

    signal: Floats
    errors: Floats
    usable: NDArray[np.bool_]
    thickness: Floats | None
    noise: float
    common: bool


def _difference(cube: NormalizedCube, source: ArraySource, found: Windows) -> Floats:
    """Mean in the peak window less the mean in the base window, (P, H, W)."""

    def mean(polarisation: int, ends: tuple[float, float]) -> Floats:
        images = [image(source, polarisation, int(energy)) for energy in inside(cube, ends)]
        return np.asarray(np.mean(images, axis=0))

    polarisations = range(len(cube.polarization_angle))
    return np.stack([mean(p, found.peak) - mean(p, found.base) for p in polarisations])


def maps(cube: NormalizedCube, signal: Name, found: Windows) -> Maps:
    """Signal maps of every polarisation, dimensionless, larger where the axis lies along the electric field.

    od-peak is the mean XANES in the peak window less that in the base window. phase-lobe is the mean XPNES below the
    pre-edge peak less that above, with the sign by which matter retards: a dichroism almost without background. Where
    one thickness for all polarisations gives less noise than each one's own, the maps are divided by it instead; so
    they are where the spectra were not divided at all. The noise is that which normalise found, else what the errors
    of the spectra say, else what neighbouring pixels show.

    Raises
    ------
    InputError
        All pixels are masked, or spectra that the mask lets through are not finite, or the phase has no edge.
    """
    good = usable(cube)
    source, kind = (cube.xanes, "xanes") if signal == "od-peak" else (cube.xpnes, "xpnes")
    sign = 1.0 if signal == "od-peak" else -_sign_of_phase(cube, good)
    own = sign * _difference(cube, source, found)
    if not np.isfinite(own[:, good]).all():
        wrong = int(np.sum(~np.isfinite(own[:, good]).all(axis=0)))
        raise InputError(f"{cube.entry}: {kind} is not finite in {wrong} pixels that its mask lets through")
    divisor = _divisor(cube, kind, good)
    thickness = _common(cube, divisor, kind, good)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = own * np.where(good, divisor / thickness, np.nan)
    # Spectra that nobody divided grow with the thickness.
    common = cube.thickness_by == "none" or _roughness(shared, good) < _roughness(own, good)
    values = np.where(good, shared if common else own, np.nan)
    # What a cube without scale maps was divided by is only a guess, which serves to compare but not to measure noise.
    shares = common or _stored(cube, f"maps/{kind}_scale") is None
    by = np.broadcast_to(thickness, divisor.shape) if shares else divisor
    errors = np.where(good, _standard_deviation(cube, kind, found, values, by), np.nan)
    return Maps(values, errors, good, _metres(cube, good), float(np.median(errors[:, good])), common)


def _stored(cube: NormalizedCube, path: str) -> Array | None:
    """A map that normalise may have left, or None."""
    found = cube.to_values().get(path)
    return None if found is None else np.asarray(found, np.float64)


def _divisor(cube: NormalizedCube, kind: str, good: NDArray[np.bool_]) -> Floats:
    """What the spectra of every polarisation were divided by, (P, H, W); positive on the whole."""
    stored = _stored(cube, f"maps/{kind}_scale")
    found = _step(cube, kind) if stored is None else stored
    return np.asarray(found * np.sign(np.median(found[:, good])), np.float64)


def _step(cube: NormalizedCube, kind: str) -> Floats:
    return np.asarray(cube.edge_step if kind == "xanes" else cube.phase_drop, np.float64)


def _standard_deviation(cube: NormalizedCube, kind: str, found: Windows, values: Floats, divisor: Floats) -> Floats:
    """Standard deviation (P, H, W) of the signal, from the first source that there is."""
    chosen = [inside(cube, ends) for ends in (found.peak, found.base)]
    noise = _stored(cube, "maps/optical_density_noise" if kind == "xanes" else "maps/phase_noise")
    if noise is not None:
        # What was taken off as the pre-edge is the same in both windows.
        return np.asarray(noise * np.sqrt(sum(1 / len(energies) for energies in chosen)) / np.abs(divisor))
    stored = cube.extra.get(f"{kind}/{kind}_errors")
    if isinstance(stored, ArraySource):
        return np.stack([_propagated(stored, p, chosen) for p in range(len(values))])
    # White noise of the images, divided by the thickness of each pixel.
    good = np.asarray(np.isfinite(values).all(axis=0))
    return np.stack([_roughness(one[None] * by, good) / np.abs(by) for one, by in zip(values, divisor, strict=True)])


def _propagated(errors: ArraySource, polarisation: int, windows_: list[NDArray[np.intp]]) -> Floats:
    """Standard deviation (H, W) of the difference of two means of independent numbers."""
    variances = [np.mean([image(errors, polarisation, int(e)) ** 2 for e in w], axis=0) / len(w) for w in windows_]
    return np.asarray(np.sqrt(np.sum(variances, axis=0)))


def _sign_of_phase(cube: NormalizedCube, good: NDArray[np.bool_]) -> float:
    """+1 where XPNES keeps the sign of the phase, which rises at the edge (delta is least there), else -1."""
    energies = inside(cube, (cube.edge_energy_ev + EDGE_EV[0], cube.edge_energy_ev + EDGE_EV[1]))
    values = [np.nanmedian(image(cube.xpnes, p, int(e))[good]) for p in range(len(cube.mask)) for e in energies]
    if not values or not abs(np.mean(values)) > 0:
        text = (
            f"{cube.entry}: no energy lies at the edge, {cube.edge_energy_ev:.1f} eV, to see the sign of the phase by"
        )
        raise InputError(f"{text}; use --signal od-peak")
    return float(np.sign(np.mean(values)))


def _metres(cube: NormalizedCube, good: NDArray[np.bool_]) -> Floats | None:
    """Mean thickness over the polarisations, (H, W) m, or None where it is not known."""
    found = _stored(cube, "maps/thickness")
    return None if found is None else np.where(good, np.mean(found, axis=0), np.nan)


def _common(cube: NormalizedCube, divisor: Floats, kind: str, good: NDArray[np.bool_]) -> Floats:
    """One thickness for all polarisations, (H, W), in units of the divisor (P, H, W), or of the step without one."""
    for path in ("maps/relative_thickness", "maps/thickness"):
        stored = _stored(cube, path)
        if stored is not None and (stored[:, good] > 0).all():
            thickness = np.mean(stored, axis=0)
            factor = float(np.sum(divisor[:, good]) / len(divisor) / np.sum(thickness[good]))
            return np.asarray(thickness * factor)
    found = np.mean(divisor if cube.thickness_by != "none" else _step(cube, kind), axis=0)
    return np.asarray(found * np.sign(np.median(found[good])))


def _roughness(values: Floats, good: NDArray[np.bool_]) -> float:
    """Standard deviation of white noise in images (P, H, W), where they are good.

    The mask [1, -2, 1] along y and x leaves nothing of planes and their products, and enlarges noise by 6 (Immerkaer
    1996, DOI 10.1006/cviu.1996.0060); the median does not see the few pixels where grains meet.
    """
    known = np.where(good, values, np.nan)
    across = known[:, :, :-2] - 2 * known[:, :, 1:-1] + known[:, :, 2:]
    both = across[:, :-2] - 2 * across[:, 1:-1] + across[:, 2:]
    seen = np.abs(both[np.isfinite(both)])
    if seen.size < _LEAST_SEEN:
        text = f"only {int(good.sum())} pixels can be used, too few neighbours to see the noise"
        raise InputError(f"{text}; lower the least thickness of picpxct normalize")
    return float(np.median(seen) / 0.6745 / 6)
