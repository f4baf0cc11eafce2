"""What is said of a reconstruction: notes, values and facts for its record, and the summary for programs."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from picpxct_nx.choice import Choice
from picpxct_nx.images.frc import RingCorrelation
from picpxct_nx.ptycho import Model, Result, Stage
from picpxct_nx.ptycho.device import threads_of
from picpxct_nx.ptycho.model import LIMITS, REFINABLE
from picpxct_nx.ptycho.modes import powers
from picpxct_nx.ptycho.positions import affine
from picpxct_nx.ptycho.uncertainty import Errors
from picpxct_nx.records import Reconstruction, Record
from picpxct_nx.values import Array, Value

# Chi-square of the bright pixels above which something is missing: a measured scan by one probe mode comes to 2.5,
# scans that began too far from their defocus come to 14 and more.
MISFIT = 5.0
# Fewer iterations are a first look, which fits nothing yet.
ENOUGH = 20


def found(given: Array, result: Result) -> Iterator[str]:
    """What was found beside object and probe, a line each; `given` are the positions that the scan gives, px."""
    if len(result.probe) > 1:
        yield "power of the probe modes " + ", ".join(f"{100 * part:.3g} %" for part in powers(result.probe))
    away = result.positions_px - given
    if away.any():
        by = affine(given, result.positions_px)
        yield (
            f"positions moved by {np.sqrt((away**2).sum(1).mean()):.2g} px (rms), of it scale {100 * by.scale:+.2g} %, "
            f"asymmetry {100 * by.asymmetry:+.2g} %, rotation {1e3 * by.rotation:+.2g} mrad, "
            f"shear {1e3 * by.shear:+.2g} mrad"
        )
    if result.intensity is not None:
        yield f"intensity of the frames varies by {100 * result.intensity.std():.2g} % (rms)"
    if result.background is not None:
        yield f"background {result.background.sum():.3g} counts a frame"


def noise(sigmas: Errors) -> str:
    """How the noise of an object compares with what is possible, in words."""
    return (
        f"noise of modulus and phase {sigmas.modulus_factor:.3g} and {sigmas.phase_factor:.3g} times the bound of the "
        f"counts, {sigmas.modulus_inflation:.3g} and {sigmas.phase_inflation:.3g} times what it is with the probe known"
    )


def doubts(sigmas: Errors, result: Result) -> Iterator[str]:
    """What speaks against a result, a line each."""
    if sigmas.chi_square > MISFIT and len(result.error) >= ENOUGH:
        yield (
            f"the model misses the bright pixels by more than noise (chi-square {sigmas.chi_square:.3g}; wanted 1); if "
            "the object looks wrong, the start probe's defocus may be: try --set start.defocus=search"
        )


def more_values(sigmas: Errors | None, curve: RingCorrelation | str | None) -> dict[str, Value]:
    """Values of the record that come with what else was asked for."""
    values: dict[str, Value] = {}
    if sigmas is not None:
        values |= {"object/transmission_errors": sigmas.modulus, "phase/phase_errors": sigmas.phase}
    if isinstance(curve, RingCorrelation):
        values |= {
            "halves/image": curve.image,
            "halves/threshold_name": curve.threshold_name,
            "halves/correlation": curve.correlation,
            "halves/spatial_frequency": curve.spatial_frequency,
        }
        if curve.half_period is not None:
            values["halves/half_period"] = curve.half_period
    return values


def facts(sigmas: Errors | None, curve: RingCorrelation | str | None) -> dict[str, Value]:
    """What was found on the way, for the history."""
    known: dict[str, Value] = {}
    if sigmas is not None:
        known |= {
            "errors.modulus_factor": sigmas.modulus_factor,
            "errors.phase_factor": sigmas.phase_factor,
            "errors.modulus_inflation": sigmas.modulus_inflation,
            "errors.phase_inflation": sigmas.phase_inflation,
            "errors.chi_square": sigmas.chi_square,
        }
    unresolved = curve.unresolved if isinstance(curve, RingCorrelation) else curve
    if unresolved:
        known["halves.unresolved"] = unresolved
    return known


def parameters(choice: Choice, stages: tuple[Stage, ...], model: Model, result: Result) -> dict[str, Value]:
    """How a scan was reconstructed, for the history; stages and model are those that ran, which a start may change."""
    values: dict[str, Value] = {
        "recipe": ",".join(f"{stage.engine}:{stage.iterations}" for stage in stages),
        "modes": model.modes,
        "refine": ",".join(name for name in REFINABLE if getattr(model, name) is not None) or "none",
        "frames": choice.frames,
        "device": choice.device,
        "seed": choice.seed,
        "threads": threads_of(choice.device),
        "also": ",".join(sorted(choice.also)) or "none",
        "stop.plateau": choice.stop.plateau,
    }
    if np.isfinite(choice.stop.seconds):
        values |= {"stop.time": choice.stop.seconds, "stop.time@units": "s"}
    if choice.share is not None:
        values["scans.share"] = choice.share
    if choice.share == "object":
        values["scans.drift"] = "find" if choice.drift else "none"
    if choice.refocus:
        values["start.defocus"] = "search"
    parts = {stage.engine: stage.params for stage in stages}
    parts |= {name: getattr(model, name) for name in (*REFINABLE, *LIMITS)}
    for part, params in parts.items():
        for name, value in ({} if params is None else vars(params)).items():
            values[f"{part}.{name}"] = "none" if value is None else value
    # What was left to an engine is stored as it chose, and that it was: a choice made on the way is no choice made
    # at the start.
    return values | dict(result.chosen) | {"automatic": ",".join(sorted(result.chosen)) or "none"}


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a reconstruction."""
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command made it
    errors = np.empty(0) if record.error is None else record.error
    how = record.history[-1].parameters
    said = {
        "entry": record.entry,
        "uuid": record.uuid,
        "energy_ev": record.energy_ev,
        "shape": list(record.transmission.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "status": str(how.get("status")),
        "message": str(how.get("message")),
        "iterations": len(errors),
        "fourier_error": float(errors[-1]) if len(errors) else None,
    }
    if "scans.share" in how:
        said |= {"share": str(how["scans.share"]), "scans": int(np.asarray(how["scans.count"]))}
    if "scans.shift" in how:
        said["shift_m"] = np.asarray(how["scans.shift"], np.float64).tolist()
    if record.phase_sigma is not None:
        said["phase_sigma_rad"] = float(np.nanmedian(record.phase_sigma))
    if "halves/image" in record.extra:
        half = record.extra.get("halves/half_period")
        said["half_period_m"] = None if half is None else float(np.asarray(half))
    return said
