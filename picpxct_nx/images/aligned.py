"""The aligned cube: projections moved by their shifts, what is known of them afterwards, and what is told about it.

Images are interpolated once, by a Fourier shift of t - 1, whatever was needed to find the shifts.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images import extension, features
from picpxct_nx.images.align import LEAST_CONTRAST, AlignOptions, Donor, Found, find_shifts, shifts_of
from picpxct_nx.images.cubes import finite, leave_out, mean_phase, pixel_steps, polarisations
from picpxct_nx.images.features import Mask, Real
from picpxct_nx.images.fourier import fourier_shift
from picpxct_nx.provenance import Step, step
from picpxct_nx.records import Record, SpectralCube
from picpxct_nx.values import Array, Room, Value, in_memory


def align_cube(cube: Record, options: AlignOptions, other: Donor | None = None, room: Room = in_memory) -> SpectralCube:
    """The aligned cube of a stacked one, by shifts that are found, or those of another cube; it lies where `room` says.

    Raises
    ------
    InputError
        Of `find_shifts`, `shifts_of` and `apply_shifts`.
    """
    assert isinstance(cube, SpectralCube)  # noqa: S101  # the command asked for cubes only
    found = find_shifts(cube, options, room) if other is None else shifts_of(cube, other, options.max_shift)
    return apply_shifts(cube, found, options, room)


def apply_shifts(cube: SpectralCube, found: Found, options: AlignOptions, room: Room = in_memory) -> SpectralCube:
    """The cube with its projections moved, pixels that any projection does not show set to 1.

    Returns
    -------
    SpectralCube
        Aligned; `known` is what is left of it, `air` what most projections show of it.

    Raises
    ------
    InputError
        No pixel is known after the shifts.
    """
    moved = room(cube.transmission.shape, np.complex64)
    leave_out(moved, cube.valid)
    known = np.zeros(cube.known.shape, bool)
    air = None if cube.air is None else np.zeros(cube.air.shape, bool)
    for one in polarisations(cube):
        shift_px = found.shift[one.index, one.energies] / np.array(one.steps)
        known[one.index] = extension.common_mask(one.known, shift_px)
        if not known[one.index].any():
            raise InputError(f"{one.name()}: no pixel is known after the shifts; scan a larger field")
        if air is not None and one.air is not None:
            air[one.index] = _most(one.air, shift_px) & known[one.index]
        canvas = extension.canvas(one.known)
        for energy, shift in zip(one.energies, shift_px, strict=True):
            image = finite(one, energy)
            if np.any(shift):
                frame = extension.extended(image - np.complex64(1), canvas)
                image = extension.cropped(fourier_shift(frame, (shift[0], shift[1])), canvas) + np.complex64(1)
            moved[one.index, int(energy)] = np.where(known[one.index], image, 1)
    made = _step(cube, found, options)
    record = dataclasses.replace(
        cube,
        stage="aligned",
        transmission=moved,
        known=known,
        air=air,
        phase=mean_phase(moved, np.asarray(cube.valid)),
        extra={**cube.extra, **_fields(found)},
    )
    return record.made_by(made, (cube, *(donor.cube for donor in found.source)))


def _most(mask: Mask, shift_px: Real) -> Mask:
    """Where most images show the mask: the sample is the same in each, and what all show may be nothing."""
    total = np.zeros(mask.shape)
    for y, x in shift_px:
        total += extension.moved_share(mask, (y, x))
    return np.asarray(2 * total > len(shift_px))


def _fields(found: Found) -> dict[str, Value]:
    named: dict[str, Array | None] = {
        "shift": found.shift,
        "shift_errors": found.errors,
        "shift_spread": found.spread,
        "misfit": found.misfit,
    }
    return {f"projections/{name}": values for name, values in named.items() if values is not None}


def _step(cube: SpectralCube, found: Found, options: AlignOptions) -> Step:
    """The step for the history: options as given, and what was chosen."""
    inputs = [cube.as_input(), *(donor.input for donor in found.source)]
    limit = "none" if options.max_shift is None else options.max_shift
    values: dict[str, Value] = {"max_shift": limit}
    if options.max_shift is not None:
        values["max_shift@units"] = "m"
    if found.source:
        return step("align", values | {"from": found.source[0].cube.uuid}, inputs)
    fixed = options.reference_ev is not None or options.strategy == "reference"
    values |= {
        "on": options.on,
        "strategy": options.strategy,
        "reference": np.asarray(found.reference_ev),
        "reference@units": "eV",
        "reference_by": "strongest contrast" if options.reference_ev is None else "the caller",
        "zero_shift": "reference" if fixed else "mean of the polarisation",
        "rounds": found.rounds,
        "smoothing": features.SMOOTHING_PX,
        "smoothing@units": "pixel",
        "taper": features.TAPER,
        "least_contrast": LEAST_CONTRAST,
    }
    if found.closure is not None:
        values |= {"closure_residual": found.closure, "closure_residual@units": "m"}
    return step("align", values, inputs)


def donor(records: Iterable[Record]) -> Donor:
    """The one cube whose shifts are applied again; its file need not stay open.

    Raises
    ------
    UsageError
        There is more than one.
    """
    found = [Donor(record, record.as_input()) for record in records if isinstance(record, SpectralCube)]
    if len(found) != 1:
        raise UsageError(f"--from: found {len(found)} cubes; wanted one: select it with FILE::ENTRY")
    return found[0]


def sentences(record: SpectralCube) -> list[str]:
    """What was found, one sentence a polarisation."""
    told = summary(record)
    source = f"by {told['strategy']} on {told['on']}" if "on" in told else "by the shifts of another cube"
    lines = []
    for one, row in zip(polarisations(record), told["polarisations"], strict=True):
        facts = [f"{row['energies']} energies {source}", f"largest shift {row['largest_shift_px']:.3g} px"]
        if row["error_px"] is not None:
            facts.append(f"error {row['error_px']:.2g} px rms")
        if row["spread_px"] is not None:
            facts.append(f"{row['spread_px']:.2g} px rms apart on {features.other(told['on'])}")
        if row["reference_ev"] is not None:
            facts.append(f"reference {row['reference_ev']:.1f} eV ({told['reference_by']})")
        facts.append(f"{row['known_percent']:.0f} % of the frame known")
        lines.append(f"{one.name()}: {', '.join(facts)}")
    return lines


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of an aligned cube."""
    assert isinstance(record, SpectralCube)  # noqa: S101  # the command made it
    parameters = record.history[-1].parameters
    kept = ("on", "strategy", "reference_by", "zero_shift", "from")
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        **{name: str(parameters[name]) for name in kept if name in parameters},
        "pixel_m": [abs(length) for length in pixel_steps(record)],
        "polarisations": [_row(record, index) for index in range(len(record.valid))],
    }


def _row(record: SpectralCube, index: int) -> dict[str, Any]:
    there, metres = np.asarray(record.valid[index]), np.abs(pixel_steps(record))
    parameters = record.history[-1].parameters

    def px(name: str) -> Real | None:
        values = record.extra.get(f"projections/{name}")
        return None if values is None else np.asarray(values)[index, there] / metres

    def rms(name: str) -> float | None:
        values = px(name)
        return None if values is None else float(np.sqrt(np.mean(values**2)))

    shift, misfit = px("shift"), record.extra.get("projections/misfit")
    closure, reference = (parameters.get(name) for name in ("closure_residual", "reference"))
    return {
        "energies": int(there.sum()),
        "shift_px": [] if shift is None else shift.tolist(),
        "largest_shift_px": 0.0 if shift is None else float(np.abs(shift).max()),
        "error_px": rms("shift_errors"),
        "spread_px": rms("shift_spread"),
        "largest_misfit": None if misfit is None else float(np.max(np.asarray(misfit)[index, there])),
        "closure_px": None if closure is None else float(np.asarray(closure)[index] / metres.mean()),
        "reference_ev": None if reference is None else float(np.asarray(reference)[index]),
        "known_percent": 100 * float(np.mean(record.known[index])),
    }
