"""Windows in energy that a dichroic signal is cut out with: as asked for, or around the pre-edge peak."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.values import ArraySource

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
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WINDOW = re.compile(rf"\s*(?P<low>{_NUMBER})\s*:\s*(?P<high>{_NUMBER})\s*(?P<unit>[^\W\d]+)\s*\Z")
# A number as large as this is an energy itself, a smaller one is relative to the edge.
ABSOLUTE_EV = 1000.0


@dataclass(frozen=True)
class Windows:
    """Energies that a signal is made of, (low, high) in eV, and the pre-edge peak that they were set by, if any."""

    peak: tuple[float, float]
    base: tuple[float, float]
    feature: float | None


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


def window(option: str, text: str, edge_ev: float = 0.0) -> tuple[float, float]:
    """The window "A:B eV" in eV: energies themselves, or relative to the edge where they are below 1 keV.

    Raises
    ------
    UsageError
        It is not two numbers and a unit of energy, or its ends are in the wrong order.
    """
    match = _WINDOW.match(text)
    if match is None:
        raise UsageError(f"{option} '{text}' is not a window; write its ends and a unit, for example '5470:5472 eV'")
    unit = match["unit"]
    low, high = (units.quantity(f"{match[end]} {unit}", "eV") for end in ("low", "high"))
    if not low < high:
        raise UsageError(f"{option} '{text}' ends before it begins; write the lower energy first")
    if (abs(low) < ABSOLUTE_EV) != (abs(high) < ABSOLUTE_EV):
        raise UsageError(f"{option} '{text}' has one end relative to the edge; write both in the same way")
    start = edge_ev if abs(low) < ABSOLUTE_EV else 0.0
    return start + low, start + high


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
    above = window("--peak", peak, cube.edge_energy_ev) if peak else None
    below = window("--base", base, cube.edge_energy_ev) if base else None
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
        if not len(inside(cube, ends)):
            text = f"{cube.entry}: no energy that all polarisations have lies in {ends[0]:.2f} to {ends[1]:.2f} eV"
            raise InputError(f"{text}; it has {_listed(cube)}: choose others with {option} 'A:B eV'")
    return found


def _around(feature: float, relative: tuple[float, float]) -> tuple[float, float]:
    return feature + relative[0], feature + relative[1]


def _listed(cube: NormalizedCube) -> str:
    energies = [f"{energy:.5g}" for energy in cube.energy_ev]
    return f"{', '.join(energies[:3])}, ... {energies[-1]} eV" if len(energies) > 9 else f"{', '.join(energies)} eV"


def inside(cube: NormalizedCube, ends: tuple[float, float]) -> NDArray[np.intp]:
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
    energies = inside(cube, ends)
    polarisations = range(len(cube.polarization_angle))
    mean = np.array([np.mean([np.nanmean(image(cube.xanes, p, e)[good]) for p in polarisations]) for e in energies])
    if len(mean) < 3 or not 0 < int(np.argmax(mean)) < len(mean) - 1:
        text = f"{cube.entry}: its mean XANES has no peak between {ends[0]:.1f} and {ends[1]:.1f} eV"
        raise InputError(f"{text}; say where the pre-edge peak is with --peak 'A:B eV' and --base 'A:B eV'")
    return float(cube.energy_ev[energies[int(np.argmax(mean))]])


def image(source: ArraySource, polarisation: int, energy: int) -> Floats:
    """One image (H, W) of a stack that may still lie in a file."""
    return np.asarray(source[polarisation, energy], np.float64)
