"""What an experiment will reach: numbers, sentences, and the plan as a file."""

import dataclasses
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.grains.windows import Name
from picpxct_nx.simulate.doubts import THICKEST_SCALAR
from picpxct_nx.simulate.layout import beam_width, count_time, object_pixel_size

from .ask import Assumed, Target
from .bounds import ambiguous, best_possible, of_chain, require_dichroism, typical
from .design import design_of, dose_per_fluence
from .resolution import half_period, phase_spectrum
from .signals import lacking, reading, windows_of
from .task import Task

NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True)
class Error:
    """Standard deviation of a direction, rad, median over all directions: of a resolution element, and of a grain."""

    element: float
    grain: float | None


@dataclass(frozen=True)
class Forecast:
    """What an experiment will reach; SI units.

    `errors` are by signal of `grainmap`, or the reason why there is none; `best` is the bound of any method with known
    spectra. `resolution` is the coarsest half period of phase images, at `resolution_ev`. Where no signal can be read,
    `lacking` is the one that wants the fewest energies besides, and these.
    """

    scans: int
    dose: float
    scan_dose: tuple[float, float]
    exposure: float
    fluence: tuple[float, ...]
    element: float
    grain: float | None
    overlap: float
    mirror_ambiguous: bool
    errors: dict[str, Error | str]
    best: Error
    resolution: float
    resolution_ev: float
    assumed: Assumed
    lacking: tuple[Name, tuple[float, ...]] | None

    def error_of(self, signal: Name | None) -> float | None:
        """Standard deviation that a target is about, by a signal or the better of both."""
        names = NAMES if signal is None else (signal,)
        found = [error for name in names if isinstance(error := self.errors[name], Error)]
        return min((e.element if e.grain is None else e.grain for e in found), default=None)


def forecast(task: Task) -> Forecast:
    """Foresee what the experiment of a task reaches, on crystals as assumed.

    Raises
    ------
    InputError
        It has one polarisation, or light that is hardly polarised.
    """
    experiment, wanted, assumed = task.experiment, task.wanted, task.assumed
    design, size = design_of(experiment, assumed.excess), task.size
    require_dichroism(design)
    crystals = task.crystals
    areas = [size**2] if wanted.grain is None else [size**2, wanted.grain]
    errors: dict[str, Error | str] = {}
    for name in NAMES:
        try:
            read = reading(name, design.energy_ev)
        except InputError as error:
            errors[name] = str(error)
            continue
        errors[name] = _error([typical(of_chain(design, read, crystals, area).angle_errors) for area in areas])
    doses = design.fluence * dose_per_fluence(design.energy_ev)
    halves = [
        half_period(phase_spectrum(experiment, float(energy), task.seed), float(fluence), assumed.excess)
        for energy, fluence in zip(design.energy_ev, design.fluence, strict=True)
    ]
    times = sum(count_time(experiment, float(energy)) for energy in design.energy_ev)
    coarsest = int(np.argmax(halves))
    return Forecast(
        scans=design.scans,
        dose=design.dose,
        scan_dose=(float(doses.min()), float(doses.max())),
        exposure=times * len(design.angle) * experiment.n_positions,
        fluence=tuple(design.fluence.tolist()),
        element=size,
        grain=wanted.grain,
        overlap=1 - experiment.step / beam_width(experiment, min(experiment.energies_ev)),
        mirror_ambiguous=ambiguous(design),
        errors=errors,
        best=_error([typical(best_possible(design, crystals, area)) for area in areas]),
        resolution=halves[coarsest],
        resolution_ev=float(design.energy_ev[coarsest]),
        assumed=assumed,
        lacking=None if any(isinstance(each, Error) for each in errors.values()) else lacking(design.energy_ev),
    )


def _error(values: list[float]) -> Error:
    return Error(values[0], values[1] if len(values) > 1 else None)


def reached(found: Forecast, wanted: Target, signal: Name | None = None) -> dict[str, bool]:
    """Whether each target is reached, to 2 %."""
    goals: dict[str, bool] = {}
    if wanted.orientation is not None:
        error = found.error_of(signal)
        goals["orientation"] = error is not None and error <= wanted.orientation * 1.02
    if wanted.resolution is not None:
        goals["resolution"] = found.resolution <= found.element * 1.02
    if wanted.dose is not None:
        goals["dose"] = found.dose <= wanted.dose * 1.02
    return goals


def sentences(task: Task, found: Forecast, signal: Name | None = None) -> list[str]:
    """The forecast in lines for a person; `signal` is the one that was proposed."""
    experiment, wanted = task.experiment, task.wanted
    angles = ", ".join(f"{np.rad2deg(angle):.4g}" for angle in experiment.rotations)
    energies = ", ".join(f"{energy:.1f}" for energy in sorted(experiment.energies_ev)[:8])
    more = f", ... ({len(experiment.energies_ev)} in all)" if len(experiment.energies_ev) > 8 else ""
    low, high = found.scan_dose
    lines = [
        f"{found.scans} scans of {experiment.n_positions} frames: {energies}{more} eV at rotations {angles} deg",
        f"dose {found.dose:.3g} Gy in all, {low:.3g} to {high:.3g} Gy a scan; {_time(found.exposure)} of exposure",
        f"beams overlap by {found.overlap:.0%}: {experiment.step * 1e6:.3g} um between positions",
        f"phase images resolve {found.resolution * 1e9:.3g} nm (half period, one bit) or better, least at "
        f"{found.resolution_ev:.1f} eV",
        _of_crystals(found),
    ]
    lines += [f"  {_line(name, found)}" for name in (*NAMES, "best")]
    lines += _doubts(found)
    lines += [
        f"{goal}: {'reached' if done else 'NOT reached'}" for goal, done in reached(found, wanted, signal).items()
    ]
    if signal is not None:
        lines.append(f"then: picpxct grainmap {grainmap_options(signal)}")
    return lines


def _doubts(found: Forecast) -> list[str]:
    lines = []
    if found.lacking is not None:
        signal, energies = found.lacking
        added = ", ".join(f"{energy:g} eV" for energy in energies)
        lines.append(
            f"no grain map comes of these energies, whatever their bound: measure {added} as well, and normalize and "
            f"grainmap --signal {signal} take them"
        )
    if found.assumed.thickness > THICKEST_SCALAR:
        limit = f"{THICKEST_SCALAR * 1e6:.0f} um"
        lines.append(f"crystals thicker than {limit} change the polarisation of light, which these numbers leave out")
    if found.mirror_ambiguous:
        lines.append("two polarisations do not tell an axis from its mirror image: a third one does")
    return lines


def grainmap_options(signal: Name) -> str:
    """How grainmap is told to read the signal at energies too few to find the pre-edge peak by."""
    peak, base = windows_of(signal)
    text = f'--signal {signal} --peak "{peak[0]:.1f}:{peak[1]:.1f} eV"'
    return text if signal == "od-peak" else f'{text} --base "{base[0]:.1f}:{base[1]:.1f} eV"'


def _of_crystals(found: Forecast) -> str:
    assumed = found.assumed
    noise = "at the limit of photons" if assumed.excess == 1 else f"with {assumed.excess:g} times the noise of photons"
    tilt = f", tilted by {np.rad2deg(assumed.tilt):.3g} deg" if assumed.tilt else ""
    return f"direction of V2O5 {assumed.thickness * 1e6:.3g} um thick{tilt}, median over all directions, {noise}:"


def _line(name: str, found: Forecast) -> str:
    error = found.best if name == "best" else found.errors[name]
    words = "any method, known spectra" if name == "best" else f"grainmap --signal {name}"
    if isinstance(error, str):
        return f"{words}: none, {error}"
    each = f"{np.rad2deg(error.element):.3g} deg for {found.element * 1e9:.3g} nm"
    if error.grain is None or found.grain is None:
        return f"{words}: {each}"
    return f"{words}: {each}, {np.rad2deg(error.grain):.3g} deg for a grain of {found.grain * 1e12:.3g} um^2"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 3600 else f"{seconds / 60:.3g} min"


def as_json(task: Task, found: Forecast, signal: Name | None = None) -> dict[str, Any]:
    """The forecast as numbers with units in their names; null where there is none."""
    experiment = task.experiment
    errors: dict[str, Any] = {}
    for name, error in (*found.errors.items(), ("best", found.best)):
        key = name.replace("-", "_")
        errors[f"{key}_deg"] = float(np.rad2deg(error.element)) if isinstance(error, Error) else None
        if found.grain is not None:
            per_grain = error.grain if isinstance(error, Error) else None
            errors[f"{key}_grain_deg"] = None if per_grain is None else float(np.rad2deg(per_grain))
        if isinstance(error, str):
            errors[f"{key}_reason"] = error
    return {
        "scans": found.scans,
        "frames": experiment.n_positions,
        "energies_ev": sorted(experiment.energies_ev),
        "rotations_deg": np.rad2deg(experiment.rotations).round(9).tolist(),
        "count_times_s": [count_time(experiment, energy) for energy in sorted(experiment.energies_ev)],
        "photon_rate_hz": experiment.photon_rate,
        "fluence_per_um2": [value * 1e-12 for value in found.fluence],
        "exposure_s": found.exposure,
        "dose_gy": found.dose,
        "scan_dose_gy": list(found.scan_dose),
        "overlap": found.overlap,
        "step_um": experiment.step * 1e6,
        "pixel_nm": object_pixel_size(experiment, min(experiment.energies_ev)) * 1e9,
        "element_nm": found.element * 1e9,
        "grain_um2": None if found.grain is None else found.grain * 1e12,
        "resolution_nm": found.resolution * 1e9 if np.isfinite(found.resolution) else None,
        "mirror_ambiguous": found.mirror_ambiguous,
        "orientation": errors,
        "signal": signal,
        "lacking_ev": [] if found.lacking is None else list(found.lacking[1]),
        "reached": reached(found, task.wanted, signal),
        "assumed": dataclasses.asdict(found.assumed),
    }
