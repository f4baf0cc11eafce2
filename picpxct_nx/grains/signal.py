"""Dichroic signal of every pixel: windows in energy, and the maps that they cut out of normalised spectra."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.values import Array, ArraySource

Floats = NDArray[np.float64]
Name = Literal["od-peak", "phase-lobe"]

# Windows relative to the energy of the pre-edge peak, eV. The dichroism of delta is extremal about 1 eV below and above
# the peak and falls off slowly; with these windows its sum over the noise of a stack in steps of 0.5 eV is largest.
PEAK_EV: dict[str, tuple[float, float]] = {"od-peak": (-1.1, 1.1), "phase-lobe": (0.6, 3.6)}
PHASE_BASE_EV = (-3.1, -0.9)
# The pre-edge peak is looked for up to here, and the phase minimum of the edge between these, relative to the edge.
PEAK_BELOW_EDGE_EV, EDGE_EV = -6.0, (-5.0, 3.0)
# An energy that stands on the end of a window, as the encoder gave it, is inside.
_ROUNDED_EV = 1e-3
# Fewer neighbourhoods than this say nothing about the noise.
_LEAST_SEEN = 25
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WINDOW = re.compile(rf"\s*(?P<low>{_NUMBER})\s*:\s*(?P<high>{_NUMBER}\s*\S+)\s*\Z")


@dataclass(frozen=True)
class Windows:
    """Energies that a signal is made of, (low, high) in eV, and the pre-edge peak that they were set by, if any."""

    peak: tuple[float, float]
    base: tuple[float, float]
    feature: float | None


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


def name(text: str) -> Name:
    """The signal of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in get_args(Name):
        if text == known:
            return text  # type: ignore[return-value]
    raise UsageError(f"--signal '{text}' is not known; wanted one of {', '.join(get_args(Name))}")


def window(option: str, text: str) -> tuple[float, float]:
    """The window "A:B eV" in eV.

    Raises
    ------
    UsageError
        It is not two numbers and a unit of energy, or its ends are in the wrong order.
    """
    match = _WINDOW.match(text)
    if match is None:
        raise UsageError(f"{option} '{text}' is not a window; write its ends and a unit, for example '5470:5472 eV'")
    unit = match["high"].lstrip("+-.0123456789").strip()
    low, high = units.quantity(f"{match['low']} {unit}", "eV"), units.quantity(match["high"], "eV")
    if not low < high:
        raise UsageError(f"{option} '{text}' ends before it begins; write the lower energy first")
    return low, high


def usable(cube: NormalizedCube) -> NDArray[np.bool_]:
    """Pixels (H, W) whose spectra can be used for every polarisation.

    Raises
    ------
    InputError
        There is none.
    """
    good = np.asarray(np.all(np.asarray(cube.mask) == 0, axis=0))
    if not good.any():
        reasons = np.bitwise_or.reduce(np.asarray(cube.mask).astype(int), axis=None)
        names = ("too thin", "air", "outside the common field", "phase not unwrapped", "not finite")
        named = ", ".join(text for bit, text in enumerate(names) if reasons >> bit & 1)
        text = f"{cube.entry}: its mask leaves no pixel that all polarisations can use ({named})"
        raise InputError(f"{text}; lower the least thickness of picpxct normalize, or look at maps/mask")
    return good


def windows(cube: NormalizedCube, signal: Name, peak: str | None, base: str | None) -> Windows:
    """Windows as asked for, or around the pre-edge peak of the mean spectrum.

    Raises
    ------
    InputError
        No energy lies in a window, or there is no peak to put the windows around.
    UsageError
        A window is not understood.
    """
    above = window("--peak", peak) if peak else None
    below = window("--base", base) if base else None
    feature = None
    if above is None or (below is None and signal == "phase-lobe"):
        feature = pre_edge_peak(cube)
        above = above or _around(feature, PEAK_EV[signal])
        below = below or (_around(feature, PHASE_BASE_EV) if signal == "phase-lobe" else None)
    if below is None:
        low, high = np.asarray(cube.pre_edge_ev, np.float64) + cube.edge_energy_ev
        below = float(low), float(high)
    found = Windows(above, below, feature)
    for option, ends in (("--peak", found.peak), ("--base", found.base)):
        if not len(_inside(cube, ends)):
            text = f"{cube.entry}: no energy that all polarisations have lies in {ends[0]:.2f} to {ends[1]:.2f} eV"
            raise InputError(f"{text}; it has {_listed(cube)}: choose others with {option} 'A:B eV'")
    return found


def _around(feature: float, relative: tuple[float, float]) -> tuple[float, float]:
    return feature + relative[0], feature + relative[1]


def _listed(cube: NormalizedCube) -> str:
    energies = [f"{energy:.5g}" for energy in cube.energy_ev]
    return f"{', '.join(energies[:3])}, ... {energies[-1]} eV" if len(energies) > 9 else f"{', '.join(energies)} eV"


def _inside(cube: NormalizedCube, ends: tuple[float, float]) -> NDArray[np.intp]:
    """Indices of the energies inside a window that were measured for every polarisation."""
    energy = np.asarray(cube.energy_ev, np.float64)
    there = np.isfinite(np.asarray(cube.measured_energy_ev)).all(axis=0)
    return np.flatnonzero(there & (energy >= ends[0] - _ROUNDED_EV) & (energy <= ends[1] + _ROUNDED_EV))


def pre_edge_peak(cube: NormalizedCube) -> float:
    """Measured energy at which the mean XANES of all usable pixels is highest, between pre-edge window and edge, eV.

    Raises
    ------
    InputError
        The mean spectrum has no peak there.
    """
    good = usable(cube)
    ends = (cube.edge_energy_ev + float(cube.pre_edge_ev[1]), cube.edge_energy_ev + PEAK_BELOW_EDGE_EV)
    energies = _inside(cube, ends)
    polarisations = range(len(cube.polarization_angle))
    mean = np.array([np.mean([np.nanmean(_image(cube.xanes, p, e)[good]) for p in polarisations]) for e in energies])
    if len(mean) < 3 or not 0 < int(np.argmax(mean)) < len(mean) - 1:
        text = f"{cube.entry}: its mean XANES has no peak between {ends[0]:.1f} and {ends[1]:.1f} eV"
        raise InputError(f"{text}; say where the pre-edge peak is with --peak 'A:B eV' and --base 'A:B eV'")
    return float(cube.energy_ev[energies[int(np.argmax(mean))]])


def _image(source: ArraySource, polarisation: int, energy: int) -> Floats:
    return np.asarray(source[polarisation, energy], np.float64)


def _difference(cube: NormalizedCube, source: ArraySource, found: Windows) -> Floats:
    """Mean in the peak window less the mean in the base window, (P, H, W)."""

    def mean(polarisation: int, ends: tuple[float, float]) -> Floats:
        images = [_image(source, polarisation, int(energy)) for energy in _inside(cube, ends)]
        return np.asarray(np.mean(images, axis=0))

    polarisations = range(len(cube.polarization_angle))
    return np.stack([mean(p, found.peak) - mean(p, found.base) for p in polarisations])


def _errors(cube: NormalizedCube, source: ArraySource, found: Windows) -> Floats:
    """Standard deviation of that difference for spectra with independent errors, (P, H, W)."""

    def variance(polarisation: int, ends: tuple[float, float]) -> Floats:
        inside = _inside(cube, ends)
        images = [_image(source, polarisation, int(energy)) ** 2 for energy in inside]
        return np.asarray(np.mean(images, axis=0) / len(inside))

    polarisations = range(len(cube.polarization_angle))
    return np.sqrt(np.stack([variance(p, found.peak) + variance(p, found.base) for p in polarisations]))


def maps(cube: NormalizedCube, signal: Name, found: Windows) -> Maps:
    """Signal maps of every polarisation, dimensionless, larger where the axis lies along the electric field.

    od-peak is the mean XANES in the peak window less that in the base window. phase-lobe is the mean XPNES below the
    pre-edge peak less that above, with the sign by which matter retards: a dichroism almost without background. Where
    one thickness for all polarisations gives less noise than each one's own edge step or phase drop, the maps are
    divided by it instead. The noise is what the errors of the spectra say, else what neighbouring pixels show.

    Raises
    ------
    InputError
        All pixels are masked, or spectra that the mask lets through are not finite, or the phase has no edge.
    """
    good = usable(cube)
    source, divisor, kind, sign = cube.xanes, np.asarray(cube.edge_step, np.float64), "xanes", 1.0
    if signal == "phase-lobe":
        source, divisor, kind = cube.xpnes, np.asarray(cube.phase_drop, np.float64), "xpnes"
        divisor, sign = divisor * np.sign(np.median(divisor[:, good])), -_sign_of_phase(cube, good)
    own = sign * _difference(cube, source, found)
    if not np.isfinite(own[:, good]).all():
        wrong = int(np.sum(~np.isfinite(own[:, good]).all(axis=0)))
        raise InputError(f"{cube.entry}: {kind} is not finite in {wrong} pixels that its mask lets through")
    thickness = _common(cube, divisor, good)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(good, divisor / thickness, np.nan)
    shared = own * factor
    common = _roughness(shared, good) < _roughness(own, good)
    values = shared if common else own
    errors = _standard_deviation(cube, f"{kind}/{kind}_errors", found, values, good, thickness)
    if common and f"{kind}/{kind}_errors" in cube.extra:
        errors = errors * np.abs(factor)
    values, errors = np.where(good, values, np.nan), np.where(good, errors, np.nan)
    return Maps(values, errors, good, _metres(cube, good), float(np.median(errors[:, good])), common)


def _sign_of_phase(cube: NormalizedCube, good: NDArray[np.bool_]) -> float:
    """+1 where XPNES keeps the sign of the phase, which rises at the edge (delta is least there), else -1."""
    energies = _inside(cube, (cube.edge_energy_ev + EDGE_EV[0], cube.edge_energy_ev + EDGE_EV[1]))
    values = [np.median(_image(cube.xpnes, p, int(e))[good]) for p in range(len(cube.mask)) for e in energies]
    if not values or not abs(np.mean(values)) > 0:
        text = (
            f"{cube.entry}: no energy lies at the edge, {cube.edge_energy_ev:.1f} eV, to see the sign of the phase by"
        )
        raise InputError(f"{text}; use --signal od-peak")
    return float(np.sign(np.mean(values)))


def _metres(cube: NormalizedCube, good: NDArray[np.bool_]) -> Floats | None:
    """Mean thickness over the polarisations, (H, W) m, or None where it is not known."""
    if cube.thickness is None:
        return None
    return np.where(good, np.mean(np.asarray(cube.thickness, np.float64), axis=0), np.nan)


def _common(cube: NormalizedCube, divisor: Floats, good: NDArray[np.bool_]) -> Floats:
    """One thickness for all polarisations, (H, W), in units of the divisor (P, H, W)."""
    metres = _metres(cube, good)
    mean = np.asarray(np.mean(divisor, axis=0))
    if metres is None or not (metres[good] > 0).all():
        return mean
    return metres * float(np.sum(mean[good]) / np.sum(metres[good]))


def _standard_deviation(
    cube: NormalizedCube, path: str, found: Windows, values: Floats, good: NDArray[np.bool_], thickness: Floats
) -> Floats:
    if path in cube.extra:
        stored: Array | ArraySource = cube.extra[path]  # type: ignore[assignment]
        return _errors(cube, stored, found)
    # White noise of the images, divided by the thickness of each pixel.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(good, 1 / np.abs(thickness), np.nan)
    return np.stack([share * _roughness(image[None] * thickness, good) for image in values])


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
