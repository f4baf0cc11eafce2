"""Assembling: a foreign reconstruction and what the user states become a reconstruction of ours, with its history."""

from collections.abc import Mapping

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.foreign_images import ForeignReconstruction
from picpxct_nx.formats.stated import parameters, state
from picpxct_nx.provenance import step
from picpxct_nx.records import CONVENTION, Reconstruction
from picpxct_nx.values import Array, Value


def assemble_images(
    foreign: ForeignReconstruction, given: Mapping[str, str], assumed: Mapping[str, str]
) -> tuple[Reconstruction, list[str]]:
    """The reconstruction that a foreign one and the user's statements make, and a sentence for all that was decided.

    Parameters
    ----------
    foreign : ForeignReconstruction
        What the file holds.
    given, assumed : mapping
        Text by short name or path: what is known (--set), and what nobody measured (--assume).

    Raises
    ------
    UsageError
        A name is unknown or stated twice, or a value is wrong.
    InputError
        A required value is missing; all are named.
    """
    entry, values, told = state(foreign.metadata, given, assumed, meta.RECONSTRUCTION, foreign.name)
    notes = [*foreign.notes, *told]
    energy = float(np.asarray(values[meta.INCIDENT]))
    if not (np.isfinite(energy) and energy > 0):
        raise InputError(f"{foreign.name}: the photon energy is {energy} eV; give it with --set energy=VALUE")
    notes.append(f"phase: taken as that of {CONVENTION}; nothing in the file says so")
    values |= _arrays(foreign)
    if foreign.positions is not None:
        values["object/coverage"] = coverage(foreign)
        notes.append("coverage: the probe's intensity summed over the positions, to the nearest pixel")
    said = {"format": foreign.format, **foreign.options, **parameters(given, assumed), "notes": "\n".join(notes)}
    record = Reconstruction.from_values(entry, values)
    return record.made_by(step("import", said, foreign.inputs)), notes


def _arrays(foreign: ForeignReconstruction) -> dict[str, Value]:
    """Object, phase, probe, positions and errors, with their axes in m."""
    image = foreign.transmission.astype(np.complex64)
    axes = [foreign.origin[i] + foreign.pixel[i] * np.arange(n) for i, n in enumerate(image.shape)]
    probe = foreign.probe.astype(np.complex64)
    across = [foreign.pixel[i] * (np.arange(n) - n // 2) for i, n in enumerate(probe.shape[1:])]
    values: dict[str, Value] = {
        "stage": "reconstructed", "object/transmission": image, "object/y": axes[0], "object/x": axes[1],
        "phase/phase": np.angle(image).astype(np.float32), "probe/probe": probe, "probe/y": across[0],
        "probe/x": across[1],
    }  # fmt: skip
    if foreign.positions is not None:
        frame: Array = np.arange(len(foreign.positions)) if foreign.frame is None else foreign.frame
        values |= {"positions/y": foreign.positions[:, 0], "positions/x": foreign.positions[:, 1]}
        values["positions/frame"] = np.asarray(frame, np.int64)
    if foreign.error is not None and len(foreign.error):
        values["convergence/error"] = np.asarray(foreign.error, np.float64)
        values["convergence/iteration"] = np.arange(1, 1 + len(foreign.error))
    return values


def coverage(foreign: ForeignReconstruction) -> Array:
    """Light that fell on every pixel of the object, (H, W) float32: the sum over j and m of |P_m(r - r_j)|^2.

    Windows are placed at the nearest pixel; what lies off the object is left out.
    """
    total = np.zeros(foreign.transmission.shape)
    light = (np.abs(foreign.probe.astype(np.complex128)) ** 2).sum(axis=0)
    half = np.array([n // 2 for n in light.shape])
    places = (np.asarray(foreign.positions) - foreign.origin) / foreign.pixel
    (h, w), (rows, columns) = foreign.probe.shape[-2:], foreign.transmission.shape[-2:]
    for y, x in np.rint(places).astype(int) - half:
        top, left = max(0, y), max(0, x)
        bottom, right = min(y + h, rows), min(x + w, columns)
        if top < bottom and left < right:
            total[top:bottom, left:right] += light[top - y : bottom - y, left - x : right - x]
    return total.astype(np.float32)
