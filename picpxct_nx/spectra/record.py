"""Normalised spectra as a record: from a cube to NormalizedCube, its parameters and its summary."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import stages
from picpxct_nx.errors import InputError
from picpxct_nx.provenance import step
from picpxct_nx.records import NormalizedCube, Record, SpectralCube
from picpxct_nx.spectra.normalize import Note, normalise
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.scale import Normalised
from picpxct_nx.spectra.thickness import TABLE_ACCURACY, Quantity
from picpxct_nx.values import Array, Room, Value, in_memory

Floats = NDArray[np.float64]

# Reasons of the mask by bit, as the definition has them.
REASONS = ("too thin", "air", "outside the common field", "phase not unwrapped", "not finite")
# What describes the measurement as such and is passed on.
_KEPT = ("start_time", "end_time", "experiment_identifier", "collection_identifier", "user")
# Factors of an energy in the variance of its points.
_FACTORS = ("variance", "covariance")


def normalise_cube(
    record: Record, options: Options, note: Note = lambda _: None, room: Room = in_memory
) -> NormalizedCube:
    """The normalised spectra of a registered cube, or of an aligned one with a single polarisation.

    They lie where `room` says.

    Raises
    ------
    InputError
        The cube is of another stage, or its spectra cannot be normalised.
    """
    assert isinstance(record, SpectralCube)  # noqa: S101  # the command asked for cubes only
    # One polarisation has nothing to be registered with.
    alone = len(record.rotation) == 1 and record.stage != "registered"
    stages.require(record, "aligned" if alone else "registered", "normalize")
    found = normalise(record, options, note, room)
    made = step("normalize", parameters(options, found), [record.as_input()])
    cube = make_normalised(record, options, found)
    note(sentence(cube))
    return cube.assuming(record.assumed).made_by(made, (record,))


def make_normalised(cube: SpectralCube, options: Options, found: Normalised) -> NormalizedCube:
    """The record of normalised spectra; maps are stored in single precision, NaN where a pixel is flawed."""
    return NormalizedCube(
        entry=cube.entry,
        title=cube.title,
        thickness_by=options.by,
        edge_energy_ev=found.windows.e0_ev,
        pre_edge_ev=np.array(found.windows.pre),
        post_edge_ev=np.array(found.windows.post),
        measured_energy_ev=cube.measured_energy_ev,
        stokes=cube.stokes,
        sample=cube.sample,
        formula=cube.formula,
        rotation=cube.rotation,
        polarization_angle=cube.polarization_angle,
        energy_ev=cube.energy_ev,
        y=cube.y,
        x=cube.x,
        mask=found.mask,
        thickness_scale=found.metres,
        kramers_kronig_residual=found.residual,
        extra=_kept(cube) | _extra(found),
        **_spectra(found),
        **_maps(found),
    )


def _single(values: Floats) -> Array:
    return values.astype(np.float32)


def _spectra(found: Normalised) -> dict[str, Any]:
    return {
        "xanes": found.xanes,
        "xpnes": found.xpnes,
        "xanes_variance": found.xanes_factors.variance,
        "xanes_covariance": found.xanes_factors.covariance,
        "xpnes_variance": found.xpnes_factors.variance,
        "xpnes_covariance": found.xpnes_factors.covariance,
    }


def _maps(found: Normalised) -> dict[str, Any]:
    pairs: dict[str, Quantity] = {
        "edge_step": found.step,
        "phase_drop": found.drop,
        "xanes_scale": found.xanes_scale,
        "xpnes_scale": found.xpnes_scale,
    }
    maps = {name: _single(pair.value) for name, pair in pairs.items()}
    maps |= {f"{name}_errors": _single(pair.sigma) for name, pair in pairs.items()}
    maps |= {"off_edge_phase": _single(found.off.value)}
    maps |= {"density_noise": _single(found.density_noise), "phase_noise": _single(found.phase_noise)}
    if found.relative is not None:
        maps["relative_thickness"] = _single(found.relative.value)
        if found.metres is not None:
            maps["thickness"] = _single(found.relative.value * found.metres)
    return maps


def _extra(found: Normalised) -> dict[str, Value]:
    extra: dict[str, Value] = {
        "phase_drop_window": np.array(found.windows.drop),
        "maps/off_edge_phase_errors": _single(found.off.sigma),
    }
    if found.relative is not None:
        extra["maps/relative_thickness_errors"] = _single(found.relative.sigma)
        if found.metres is not None:
            extra["maps/thickness_errors"] = _single(found.relative.sigma * found.metres)
    if found.chi is not None:
        extra["maps/kramers_kronig_chi"] = _single(found.chi)
    return extra


def _kept(cube: SpectralCube) -> dict[str, Value]:
    return {path: value for path, value in cube.extra.items() if path.partition("/")[0].partition("@")[0] in _KEPT}


def parameters(options: Options, found: Normalised) -> dict[str, Value]:
    """Parameters of a normalisation for the history, automatic choices as they fell."""
    values: dict[str, Value] = {
        "e0": found.windows.e0_ev,
        "e0@units": "eV",
        "e0_from": "given" if options.e0_ev is not None else "last inflection of the mean absorption",
        "by": options.by,
    }
    for name, window in (("pre", found.windows.pre), ("post", found.windows.post), ("drop", found.windows.drop)):
        values |= {name: np.array(window), f"{name}@units": "eV"}
    values |= {
        "pre_order": options.orders.pre,
        "post_order": options.orders.post,
        "victoreen": options.orders.victoreen,
        "least_sigma": options.least_sigma,
        "air_level": found.air_offset,
        "zero": np.array(found.zero, dtype=object),
    }
    if options.density is not None:
        values["table_accuracy"] = TABLE_ACCURACY
    for name, value, unit in (
        ("least_thickness", options.least_thickness, "m"),
        ("density", options.density, "kg/m^3"),
        ("thickness_scale", options.scale, "m" if options.by == "edge-jump" else "m/rad"),
    ):
        values |= {name: "none"} if value is None else {name: value, f"{name}@units": unit}
    return values


def masked(record: NormalizedCube) -> dict[str, float]:
    """Part of all pixels that each reason masks; a pixel can have several."""
    mask = np.asarray(record.mask)
    return {reason: float(np.mean(mask & (1 << bit) != 0)) for bit, reason in enumerate(REASONS)}


def _median(values: Array | None, good: Array) -> float | None:
    return None if values is None else float(np.median(np.asarray(values)[good]))


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of normalised spectra."""
    assert isinstance(record, NormalizedCube)  # noqa: S101  # the command made it
    good = np.asarray(record.mask) == 0
    steps = [_mean(record.edge_step[p], good[p]) for p in range(len(good))]
    drops = [_mean(record.phase_drop[p], good[p]) for p in range(len(good))]
    residual = record.kramers_kronig_residual
    chi = record.extra.get("maps/kramers_kronig_chi")
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "e0_ev": record.edge_energy_ev,
        "pre_edge_ev": np.asarray(record.pre_edge_ev).tolist(),
        "post_edge_ev": np.asarray(record.post_edge_ev).tolist(),
        "phase_drop_window_ev": np.asarray(record.extra["phase_drop_window"]).tolist(),
        "thickness_by": record.thickness_by,
        "thickness_scale_m": record.thickness_scale,
        "polarisation_deg": np.rad2deg(record.polarization_angle).tolist(),
        "edge_step": steps,
        "phase_drop_rad": drops,
        "optical_density_noise": _median(record.density_noise, good),
        "phase_noise_rad": _median(record.phase_noise, good),
        "usable": float(np.mean(good)),
        "masked": masked(record),
        "kramers_kronig_residual": None if residual is None else [_plain(value) for value in residual],
        "kramers_kronig_chi": None if chi is None else _plain(np.nanmedian(np.asarray(chi)[good])),
    }


def _plain(value: Any) -> float | None:
    """A number for JSON, which knows no NaN."""
    return float(value) if np.isfinite(value) else None


def _mean(values: Array, good: Array) -> float | None:
    return float(np.mean(values[good], dtype=np.float64)) if good.any() else None


def sentence(record: NormalizedCube) -> str:
    """What was found, in a line."""
    told = summary(record)
    thrown = ", ".join(f"{part:.1%} {reason}" for reason, part in told["masked"].items() if part)
    steps = ", ".join("-" if step is None else f"{step:.3g}" for step in told["edge_step"])
    pre, post = told["pre_edge_ev"], told["post_edge_ev"]
    scale = "" if record.thickness_scale is None else f" (mean {record.thickness_scale * 1e6:.3g} um)"
    return (
        f"{record.entry}: e0 {told['e0_ev']:.2f} eV, windows {pre[0]:.4g}:{pre[1]:.4g} and {post[0]:.4g}:{post[1]:.4g} "
        f"eV about it, thickness by {record.thickness_by}{scale}; mean edge step {steps}; {told['usable']:.1%} of the "
        f"pixels can be used (masked: {thrown or 'none'})"
    )


def has_errors(record: NormalizedCube, kind: str) -> bool:
    """Whether a record holds what `point_errors` takes; kind is xanes or xpnes."""
    noise = record.density_noise if kind == "xanes" else record.phase_noise
    return noise is not None and all(getattr(record, f"{kind}_{name}") is not None for name in _FACTORS)


def point_errors(record: NormalizedCube, kind: str, p: int, e: int, image: Array | None = None) -> Array:
    """Standard deviation of one normalised image, (H, W), from the noise and factors that are stored.

    var z = (s^2 (a - 2 z b) + z^2 sD^2) / D^2 for noise s, divisor D with standard deviation sD, and factors a, b.
    A record that holds no divisor was divided by nothing: D is 1, without error.

    Parameters
    ----------
    record : NormalizedCube
    kind : "xanes" or "xpnes"
    p, e : int
        Polarisation and energy.
    image : (H, W), optional
        The normalised image itself, where it has been read already.

    Raises
    ------
    InputError
        The record does not hold what it takes.
    """
    noise = record.density_noise if kind == "xanes" else record.phase_noise
    if noise is None or not has_errors(record, kind):
        raise InputError(f"{record.entry}: has no {kind} noise or factors; normalise the cube again")
    a, b = (float(getattr(record, f"{kind}_{name}")[p, e]) for name in _FACTORS)
    divisor, sigma = (getattr(record, f"{kind}_{name}") for name in ("scale", "scale_errors"))
    z = np.asarray(getattr(record, kind)[p, e] if image is None else image, np.float64)
    variance = np.asarray(noise[p], np.float64) ** 2 * (a - 2 * z * b)
    if sigma is not None:
        variance += (z * sigma[p]) ** 2
    errors = np.sqrt(np.maximum(variance, 0))
    if divisor is None:
        return np.asarray(errors)
    with np.errstate(divide="ignore", invalid="ignore"):  # pixels without thickness
        return np.asarray(errors / np.abs(divisor[p]))
