"""A raw scan with its geometry corrected: stage axes, frames, lengths, sign of the defocus."""

from dataclasses import replace
from typing import Any

import numpy as np

from picpxct_nx.audit.orientation import AS_RECORDED, Orientation
from picpxct_nx.audit.patch import Patch
from picpxct_nx.audit.sign import twin
from picpxct_nx.errors import InputError
from picpxct_nx.formats.prepare import Arranged, arrange, arrange_probe, plan
from picpxct_nx.provenance import Input, step
from picpxct_nx.records import Scan


def amend_scan(scan: Scan, patch: Patch, source: Input) -> Scan:
    """The scan as it should have been imported, with the step that says so.

    Counts stay what they are; frames that are turned are turned as they are read.

    Parameters
    ----------
    scan : Scan
        Raw scan.
    patch : Patch
        What to correct.
    source : Input
        The file that the patch came from.

    Raises
    ------
    InputError
        The scan was amended by this patch before, or imported with other axes than the scan that was audited.
    """
    _check(scan, patch, source)
    changes: dict[str, Any] = _turned(scan, patch.frames) if patch.frames != AS_RECORDED else {}
    y, x = patch.stage.of(np.asarray(scan.stage_y, np.float64), np.asarray(scan.stage_x, np.float64))
    changes |= {"stage_y": patch.stage_scale * y, "stage_x": patch.stage_scale * x}
    amended = replace(scan, **changes)
    if patch.distance is not None:
        part = patch.distance / scan.distance
        amended = replace(
            amended,
            distance=patch.distance,
            start_probe_y=None if amended.start_probe_y is None else part * amended.start_probe_y,
            start_probe_x=None if amended.start_probe_x is None else part * amended.start_probe_x,
        )
    if patch.reverse_defocus:
        amended = replace(
            amended,
            defocus=None if scan.defocus is None else -scan.defocus,
            start_probe=None if amended.start_probe is None else twin(np.asarray(amended.start_probe)),
        )
    return amended.made_by(step("amend", _parameters(patch), [scan.as_input(), source]), (scan,))


def _check(scan: Scan, patch: Patch, source: Input) -> None:
    for past in scan.history:
        if past.command == "amend" and any(each.checksum == source.checksum for each in past.inputs):
            raise InputError(f"{scan.entry}: was amended by this patch before; a second time would undo or spoil it")
    imported = [past.parameters.get("axes") for past in scan.history if past.command == "import"]
    if patch.axes is not None and imported != [patch.axes]:
        found = imported[0] if imported else "not imported"
        raise InputError(
            f"{scan.entry}: was imported with other axes ({found}) than the audited scan ({patch.axes}); "
            "audit it by itself"
        )


def _turned(scan: Scan, frames: Orientation) -> dict[str, Any]:
    """Frames, and all that lies as they do, for indices that grow along other directions than was recorded."""
    beam = (scan.beam_center_y / scan.y_pixel_size, scan.beam_center_x / scan.x_pixel_size)
    rows, columns = scan.frames.shape[1:]
    layout = plan((rows, columns), (frames.direction("+y"), frames.direction("+x")), beam_px=beam, crop=None)
    sizes, axes = (scan.y_pixel_size, scan.x_pixel_size), (scan.start_probe_y, scan.start_probe_x)
    sizes, axes = (sizes[::-1], axes[::-1]) if frames.swaps else (sizes, axes)
    probe = None if scan.start_probe is None else np.asarray(scan.start_probe)
    return {
        "frames": Arranged(scan.frames, layout),
        "pixel_mask": arrange(np.asarray(scan.pixel_mask), layout),
        "y_pixel_size": sizes[0],
        "x_pixel_size": sizes[1],
        "beam_center_y": layout.beam_px[0] * sizes[0],
        "beam_center_x": layout.beam_px[1] * sizes[1],
        "start_probe": None if probe is None else arrange_probe(probe, layout, scan.entry),
        "start_probe_y": axes[0],
        "start_probe_x": axes[1],
    }


def _parameters(patch: Patch) -> dict[str, Any]:
    found: dict[str, Any] = {
        "stage": str(patch.stage), "frames": str(patch.frames), "stage_scale": patch.stage_scale,
        "reverse_defocus": patch.reverse_defocus,
    }  # fmt: skip
    if patch.distance is not None:
        found |= {"distance": patch.distance, "distance@units": "m"}
    return found
