"""The record of a registration: the registered cube with what was found, its history, and what is told about it."""

import dataclasses
from typing import Any

import numpy as np

from picpxct_nx.images import registered
from picpxct_nx.images.cubes import pixel_steps, polarisations
from picpxct_nx.images.registered import RegisterOptions, Registration
from picpxct_nx.images.registration import LEVELS
from picpxct_nx.provenance import Step, step
from picpxct_nx.records import Record, SpectralCube
from picpxct_nx.values import Room, Value, in_memory


def register_cube(cube: Record, options: RegisterOptions, room: Room = in_memory) -> SpectralCube:
    """The registered cube of an aligned one; it lies where `room` says.

    Raises
    ------
    InputError, ConvergenceError
        Of `registered.find_registration` and `registered.apply_registration`.
    """
    assert isinstance(cube, SpectralCube)  # noqa: S101  # the command asked for cubes only
    found = registered.find_registration(cube, options)
    product = registered.apply_registration(cube, found, crop=options.crop, room=room)
    product = dataclasses.replace(product, extra={**cube.extra, **_fields(cube, found)})
    return product.made_by(_step(cube, found, options), (cube,))


def _fields(cube: SpectralCube, found: Registration) -> dict[str, Value]:
    """Fields of registration/; of the reference itself, errors are zero and the information is that of an identity."""
    pixel = pixel_steps(cube)[0]
    every = range(len(found.motions))
    matches = [found.matches[index] for index in every]
    return {
        "registration/rotation": -registered.refined_rotation(cube, found),
        "registration/rotation_errors": np.array([0.0 if m is None else m.angle_error for m in matches]),
        "registration/shift": pixel * np.array([one.shift_px for one in found.motions]),
        "registration/shift_errors": pixel
        * np.array([(0.0, 0.0) if m is None else m.shift_errors_px for m in matches]),
        "registration/scale": np.array([one.scale for one in found.motions]),
        "registration/mutual_information_before": np.array([2.0 if m is None else m.before for m in matches]),
        "registration/mutual_information": np.array([2.0 if m is None else m.after for m in matches]),
    }


def _step(cube: SpectralCube, found: Registration, options: RegisterOptions) -> Step:
    values: dict[str, Value] = {
        "on": options.on,
        "model": options.how,
        "bins": options.bins,
        "search": options.search,
        "search@units": "rad",
        "reference": float(cube.polarization_angle[found.reference]),
        "reference@units": "rad",
        "reference_by": "first polarisation" if options.reference is None else "the caller",
        "crop": options.crop,
        "levels": np.array(LEVELS),
        "levels@units": "pixel",
        "nominal_rotation": np.asarray(cube.rotation, np.float64),
        "nominal_rotation@units": "rad",
        "explained": np.array([1.0 if one is None else one.explained for one in found.matches]),
        "scale_sigma": np.array([0.0 if one is None else one.scale_error for one in found.matches]),
        "least_explained": registered.LEAST_EXPLAINED,
    }
    return step("register", values, [cube.as_input()])


def sentences(record: SpectralCube) -> list[str]:
    """What was found, one sentence a polarisation, and the frame."""
    told = summary(record)
    lines = []
    for one, row in zip(polarisations(record), told["polarisations"], strict=True):
        if row["reference"]:
            lines.append(f"{one.name()}: the others are brought onto it ({told['reference_by']})")
            continue
        down, across = row["shift_px"]
        scale = f", scale {row['scale']:.5f}" if told["model"] == "similarity" else ""
        lines.append(
            f"{one.name()}: turned {row['turned_deg']:+.3f} deg from the nominal rotation (error "
            f"{row['turned_error_deg']:.2g}), shifted ({down:.3f}, {across:.3f}) px (errors "
            f"{row['shift_error_px'][0]:.2g}, {row['shift_error_px'][1]:.2g}){scale}, mutual information "
            f"{row['mutual_information_before']:.4f} to {row['mutual_information']:.4f}, "
            f"{100 * row['explained']:.1f} % explained"
        )
    height, width = told["shape"]
    lines.append(f"{record.entry}: {height} x {width} px, {told['common_percent']:.0f} % known in all polarisations")
    return lines


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a registered cube."""
    assert isinstance(record, SpectralCube)  # noqa: S101  # the command made it
    parameters = record.history[-1].parameters
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        **{name: str(parameters[name]) for name in ("on", "model", "reference_by")},
        "shape": list(record.transmission.shape[-2:]),
        "common_percent": 100 * float(np.mean(np.all(record.known, axis=0))),
        "polarisations": [_row(record, index) for index in range(len(record.valid))],
    }


def _row(record: SpectralCube, index: int) -> dict[str, Any]:
    parameters, pixel = record.history[-1].parameters, pixel_steps(record)[0]
    nominal = np.asarray(parameters["nominal_rotation"])[index]

    def of(name: str) -> Any:
        return np.asarray(record.extra[f"registration/{name}"])[index]

    return {
        "polarisation_deg": float(np.rad2deg(record.polarization_angle[index])),
        "rotation_deg": float(np.rad2deg(record.rotation[index])),
        "reference": bool(of("mutual_information") == 2),
        "turned_deg": float(np.rad2deg(nominal - record.rotation[index])),
        "turned_error_deg": float(np.rad2deg(of("rotation_errors"))),
        "shift_px": (of("shift") / pixel).tolist(),
        "shift_error_px": (of("shift_errors") / pixel).tolist(),
        "scale": float(of("scale")),
        "mutual_information_before": float(of("mutual_information_before")),
        "mutual_information": float(of("mutual_information")),
        "explained": float(np.asarray(parameters["explained"])[index]),
    }
