"""What the command line says of flux, beam and absorption, in place of what scans or tables say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Flux:
    """Photons a second, `rate` of the whole beam or `per_area` in 1/s/m^2, or those that the frames counted."""

    rate: float | None = None
    per_area: float | None = None
    counted: bool = False


@dataclass(frozen=True)
class Absorption:
    """Absorption that was given: `values` in 1/m (`linear`) or m^2/kg, one at each of `energies_ev` or one at all."""

    values: tuple[float, ...]
    energies_ev: tuple[float, ...]
    linear: bool

    def at(self, energy_ev: float) -> float:
        """Value at an energy, straight between those that were given.

        Raises
        ------
        InputError
            The energy lies outside of them.
        """
        if not self.energies_ev:
            return self.values[0]
        if not self.energies_ev[0] <= energy_ev <= self.energies_ev[-1]:
            low, high = self.energies_ev[0], self.energies_ev[-1]
            raise InputError(f"--mu says nothing of {energy_ev:.1f} eV; it reaches from {low:.1f} to {high:.1f} eV")
        return float(np.interp(energy_ev, self.energies_ev, self.values))


@dataclass(frozen=True)
class Choice:
    """How a dose is computed; what is None is taken from the scan or from tables."""

    formula: str | None = None
    density: float | None = None  # kg/m^3
    flux: Flux | None = None
    absorption: Absorption | None = None
    beam_diameter: float | None = None  # m


def choose(
    *,
    formula: str | None = None,
    density: str | None = None,
    flux: str | None = None,
    mu: str | None = None,
    beam: str | None = None,
) -> Choice:
    """The choice that the texts of the command line make.

    Parameters
    ----------
    density : quantity such as "3.36 g/cm^3"
    flux : photons a second in the whole beam, "6.8e8 Hz", or per area, "3e7 1/s/um^2", or "counts"
    mu : "0.113 1/um" or "57 cm^2/g", or values at energies, "5460 eV: 0.021 1/um, 5471 eV: 0.083 1/um"
    beam : diameter of a uniform beam

    Raises
    ------
    UsageError
        A text is not understood.
    """
    choice = Choice(
        formula=formula,
        density=None if density is None else _positive("--density", density, "kg/m^3"),
        flux=None if flux is None else _flux(flux),
        absorption=None if mu is None else _absorption(mu),
        beam_diameter=None if beam is None else _positive("--beam", beam, "m"),
    )
    if choice.absorption is not None and formula is not None:
        raise UsageError("--mu and --formula both say how the sample absorbs; leave one of them out")
    return choice


def _positive(option: str, text: str, *wanted: str) -> float:
    return _either(option, text, *wanted)[1]


def _either(option: str, text: str, *wanted: str) -> tuple[int, float]:
    """Which of the wanted units a quantity fits, and its value in it."""
    for place, unit in enumerate(wanted):
        try:
            value = units.quantity(text, unit)
        except UsageError as error:
            reason = error
            continue
        if not value > 0:
            raise UsageError(f"{option} '{text}' is not above zero")
        return place, value
    if len(wanted) > 1:
        raise UsageError(f"{option} '{text}' is not understood; wanted a quantity in {' or '.join(wanted)}")
    raise UsageError(f"{option}: {reason}")


def _flux(text: str) -> Flux:
    if text.strip() == "counts":
        return Flux(counted=True)
    place, value = _either("--flux", text, "Hz", "1/s/m^2")
    return Flux(rate=value) if place == 0 else Flux(per_area=value)


def _absorption(text: str) -> Absorption:
    parts = [part.split(":") for part in text.split(",")]
    if any(len(part) != len(parts[0]) or len(part) > 2 for part in parts) or (len(parts) > 1 and len(parts[0]) == 1):
        raise UsageError(f"--mu '{text}': wanted one value, or 'ENERGY: VALUE' separated by commas")
    found = [_either("--mu", part[-1], "1/m", "m^2/kg") for part in parts]
    if len({place for place, _ in found}) > 1:
        raise UsageError(f"--mu '{text}': its values are of two dimensions; wanted 1/um or cm^2/g for all")
    energies = [_positive("--mu", part[0], "eV") for part in parts if len(part) == 2]
    order = np.argsort(energies) if energies else np.array([0])
    return Absorption(
        values=tuple(found[place][1] for place in order),
        energies_ev=tuple(energies[place] for place in order) if energies else (),
        linear=found[0][0] == 0,
    )
