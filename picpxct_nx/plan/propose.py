"""Energies, polarisations, exposures and overlap that reach a target with the least dose, or the most with a dose."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.grains.windows import Name
from picpxct_nx.simulate.layout import area_per_position
from picpxct_nx.simulate.presets import Experiment

from .bounds import of_chain, require_dichroism, typical
from .design import Design, dose_per_fluence, images
from .signals import BESIDES_EV, Reading, reading, windows_of
from .task import Task, least_fluence

Floats = NDArray[np.float64]

# Three directions are the fewest that tell an axis from its mirror image, and evenly spread they favour none.
ROTATIONS = tuple(np.deg2rad((0.0, 60.0, 120.0)).tolist())
BEFORE_EV, EDGE_EV, AFTER_EV = BESIDES_EV
STEP_EV = 0.5
# Linear overlap of neighbouring beams. With the same photons shared out to fewer positions reconstructions get worse
# below this (object error 0.014 at 80 %, 0.018 at 75 %, 0.041 at 60 %), and hardly better above (0.012 at 90 %):
# `benchmarks/plan.py --overlap`.
OVERLAP = 0.8
# A dose so large that no sample lives: a target that asks for more is out of reach.
MOST_DOSE = 1e13


@dataclass(frozen=True)
class Proposal:
    """An experiment that is proposed, the signal that `grainmap` is to use, and why each part was chosen."""

    experiment: Experiment
    signal: Name
    reasons: tuple[str, ...]


def propose(task: Task, *, energies: bool = True, rotations: bool = True) -> Proposal:
    """The experiment that reaches the target with the least dose; with a dose alone, that with the least error.

    Candidates are the smallest sets of energies that `normalize` and `grainmap` take, with those of the signal on a
    grid of 0.5 eV. Photons are shared out so that the error of the direction falls fastest with dose,
    N_j ~ sqrt(c_j / m_j) for a variance c_j / N_j and a dose m_j N_j, but no scan gets less than its images need.

    Parameters
    ----------
    task : Task
    energies, rotations : bool
        Whether these are proposed too, or stay as they are.

    Raises
    ------
    InputError
        The energies that stay are too few for a direction, or nothing reaches the target.
    """
    if rotations:
        task = replace(task, experiment=replace(task.experiment, rotations=ROTATIONS))
    require_dichroism(task.design(tuple(sorted(task.experiment.energies_ev))))
    tried = [(_scaled(task, read, ev), read) for ev, read in _candidates(task, proposed=energies)]
    if not tried:
        raise InputError(f"no signal can be read at these energies: {_why_not(task)}")
    found, read = min(tried, key=lambda each: _merit(task, *each))
    return Proposal(_as_experiment(task, found), read.name, _reasons(found, read, rotations=rotations))


def _merit(task: Task, design: Design, read: Reading) -> tuple[float, float]:
    """What a proposal should have least of: dose, then error.

    Doses are one to the per cent that they are sought to; without a target of the direction to a tenth, so that a
    little less dose does not cost all of the signal.
    """
    digits = 1 if task.wanted.orientation is None else 2
    return round(float(np.log(design.dose)), digits), _error(task, design, read)


def _error(task: Task, design: Design, read: Reading) -> float:
    return typical(of_chain(design, read, task.crystals, task.area).angle_errors)


def _candidates(task: Task, *, proposed: bool) -> Iterator[tuple[tuple[float, ...], Reading]]:
    """Sets of energies and what is read at them."""
    names: tuple[Name, ...] = ("phase-lobe", "od-peak")
    for name in names:
        if task.assumed.signal not in ("auto", name):
            continue
        for energies in _sets(name) if proposed else [tuple(sorted(task.experiment.energies_ev))]:
            try:
                yield energies, reading(name, np.array(energies))
            except InputError:
                continue


def _sets(name: Name) -> Iterator[tuple[float, ...]]:
    """The smallest sets of energies for a signal."""
    peak, base = (_grid(window) for window in windows_of(name))
    for high in peak:
        for low in base if name == "phase-lobe" else (BEFORE_EV,):
            yield tuple(sorted({BEFORE_EV, low, high, EDGE_EV, AFTER_EV}))


def _grid(window: tuple[float, float]) -> list[float]:
    first = np.ceil((max(window[0], BEFORE_EV) - 1e-3) / STEP_EV) * STEP_EV
    return [float(energy) for energy in np.arange(first, window[1] + 1e-3, STEP_EV)]


def _why_not(task: Task) -> str:
    names: tuple[Name, ...] = ("od-peak", "phase-lobe")
    for name in names:
        if task.assumed.signal in ("auto", name):
            try:
                reading(name, np.array(sorted(task.experiment.energies_ev)))
            except InputError as error:
                return str(error)
    raise AssertionError(task.assumed.signal)


def _variance(task: Task, design: Design, read: Reading) -> Floats:
    """Variance of the signal that each energy makes, (E,), for unit photons."""
    found = images(design, task.crystals)
    signal = np.einsum("e,pen->pn", 2 * read.density, found.loss) + np.einsum("e,pen->pn", read.phase, found.phase)
    thickness = -np.einsum("e,pen->pn", read.thickness, found.phase)
    share = np.mean((signal / thickness) ** 2)
    weights = (2 * read.density) ** 2 + read.phase**2 + share * read.thickness**2
    return np.asarray(weights * np.mean(np.exp(2 * found.loss), axis=(0, 2)))


def _filled(design: Design, least: Floats, dose: float) -> Design:
    """The design with a dose, shared out as it wishes above what each scan needs at least.

    Where the dose is not enough for the least of all, it is shared out as these ask.
    """
    floor = replace(design, fluence=least)
    if floor.dose >= dose:
        return floor.times(dose / floor.dose)
    low, high = 0.0, dose / design.dose
    for _ in range(60):
        middle = (low + high) / 2
        total = replace(design, fluence=np.maximum(middle * design.fluence, least)).dose
        low, high = (middle, high) if total < dose else (low, middle)
    return replace(design, fluence=np.maximum(low * design.fluence, least))


def _scaled(task: Task, read: Reading, energies: tuple[float, ...]) -> Design:
    """Photons shared out among energies, with the least dose that reaches the target, or that the target allows."""
    design, least, wanted = task.design(energies), least_fluence(task, energies), task.wanted
    wish = np.sqrt(_variance(task, design, read) / dose_per_fluence(design.energy_ev))
    design, needed = replace(design, fluence=wish), replace(design, fluence=least).dose
    if wanted.orientation is not None:
        needed = _dose_for(lambda dose: _error(task, _filled(design, least, dose), read), wanted.orientation, needed)
    if wanted.dose is not None and (wanted.dose < needed or wanted.orientation is None):
        needed = wanted.dose
    return _filled(design, least, needed)


def _dose_for(error: Callable[[float], float], goal: float, start: float) -> float:
    """Least dose from `start` on, to 1 %, at which the error is at most the goal.

    Raises
    ------
    InputError
        There is none that a sample could live through.
    """
    low, high = start, start
    while error(high) > goal:
        low, high = high, 4 * high
        if high > MOST_DOSE:
            raise InputError(
                f"no dose below {MOST_DOSE:.0e} Gy reaches an orientation of {np.rad2deg(goal):.3g} deg; ask for less, "
                "or for a --grain, or give other rotations"
            )
    while high / low > 1.01:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if error(middle) > goal else (low, middle)
    return high


def _as_experiment(task: Task, design: Design) -> Experiment:
    """The experiment whose scans have the photons of a design, on the field of that of the task.

    The longest exposure is the latter's; the beam is attenuated to that, or the exposure made longer where its beam is
    not bright enough.
    """
    base, overlap = task.experiment, task.assumed.overlap
    step = base.beam_diameter * (1 - (OVERLAP if overlap is None else overlap))
    photons = float(design.fluence.max()) * area_per_position(step)
    rate = min(base.photon_rate, photons / base.count_time)
    return replace(
        base,
        energies_ev=tuple(design.energy_ev.tolist()),
        exposures=tuple(float(f"{share:.4g}") for share in design.fluence / design.fluence.max()),
        photon_rate=rate,
        count_time=photons / rate,
        step=step,
        n_positions=max(1, round(base.n_positions * (base.step / step) ** 2)),
    )


def _reasons(design: Design, read: Reading, *, rotations: bool) -> tuple[str, ...]:
    told = [f"energies: the fewest that normalize and grainmap --signal {read.name} take, the best for its error"]
    if rotations:
        told.append("rotations: three are the fewest that tell an axis from its mirror image")
    most = design.fluence.max() / design.fluence.min()
    told.append(f"overlap: below {OVERLAP:.0%} reconstructions of the same photons get worse, above hardly better")
    told.append(f"exposures: shared out by what each energy adds to the error and costs in dose, up to {most:.3g} to 1")
    return tuple(told)
