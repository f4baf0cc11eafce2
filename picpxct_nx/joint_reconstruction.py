"""Raw scans that share object or probe to their reconstructions: one problem of all, a record for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from picpxct_nx import account
from picpxct_nx.checkpoints import Checkpoints
from picpxct_nx.choice import Choice
from picpxct_nx.errors import ConvergenceError, PicpxctError
from picpxct_nx.geometry import Grid, Part, make_problem, make_reconstruction, on_one_grid
from picpxct_nx.illumination import object_pixel, probe_of
from picpxct_nx.images.frc import RingCorrelation, sentence
from picpxct_nx.images.frc_record import correlate
from picpxct_nx.placement import Place, placed
from picpxct_nx.provenance import Step, step
from picpxct_nx.ptycho import Problem, Result
from picpxct_nx.ptycho.joint import Joint, brightness_of, given, halved, join, part
from picpxct_nx.ptycho.model import Start
from picpxct_nx.ptycho.uncertainty import of_part
from picpxct_nx.reconstruction import HALVES, Listener, Posed, Store, noise_of, solve, solve_half
from picpxct_nx.records import Reconstruction
from picpxct_nx.sharing import Group
from picpxct_nx.values import Value, Values

# What a scan is called while it is reconstructed alone, so that others are found on it.
_ALONE = "{}.alone"

T = TypeVar("T")


@dataclass(frozen=True)
class _Task:
    """Scans and the problem that they pose together; `places` where they share the object."""

    group: Group
    posed: Posed
    joint: Joint
    grids: tuple[Grid, ...]
    brightness: tuple[float, ...]
    places: tuple[Place, ...] = ()


def reconstruct_group(
    group: Group, choice: Choice, listener: Listener, store: Store | None = None
) -> tuple[Reconstruction, ...]:
    """The reconstructions of scans that share their object or their probe, in the order of the group.

    Where the solver diverges and the choice wants it, they are the last finite state; where the listener asks to end
    early, what was reached.

    Raises
    ------
    DivergedError
        The numbers became non-finite or ran away.
    InputError
        Scans that are to share an object do not show the same.
    ConvergenceError
        The listener asked to end before scans lay on one another: there is nothing yet that all made.
    """
    checkpoints = None if store is None else store.checkpoints
    task = _prepare(group, choice, listener, checkpoints)
    result = solve(task.posed, choice, listener, checkpoints)
    sigmas = noise_of(task.posed, result, choice, listener)
    parts = [part(task.joint, result, number) for number in range(len(group.scans))]
    for number, (entry, own) in enumerate(zip(group.entries, parts, strict=True)):
        for line in account.found(given(task.joint, number), own):
            listener.note(f"{entry}: {line}")
    curves: Sequence[RingCorrelation | str | None] = [None] * len(parts)
    if result.status == "done" and "halves" in choice.also:
        curves = _halves(task, result, choice, listener)
    how = account.parameters(choice, choice.stages, choice.model, result)
    how |= {"status": result.status, "message": result.message, "scans.count": len(parts)}
    inputs = [scan.as_input() for scan in group.scans]
    products = []
    for number, own in enumerate(parts):
        known = None if sigmas is None else of_part(sigmas, own)
        facts = how | _facts(task, number) | account.facts(known, curves[number])
        more = account.more_values(known, curves[number])
        products.append(
            _record(task, number, own, choice.probe, step("reconstruct", facts, _first(inputs, number)), more)
        )
    if result.status == "stopped":
        for entry in group.entries:
            listener.warn(f"{entry}: {result.message}")
    elif checkpoints is not None:
        for name in (group.name, *map(_ALONE.format, group.entries)):
            checkpoints.forget(name)
    return tuple(products)


def _first(things: Sequence[T], number: int) -> list[T]:
    """One of some things, then the others."""
    return [things[number], *things[:number], *things[number + 1 :]]


def _record(
    task: _Task, number: int, own: Result, probe: Reconstruction | None, made: Step, more: Values
) -> Reconstruction:
    """The record of one scan, which all scans and the start probe are ancestors of."""
    scan, *others = _first(task.group.scans, number)
    started = () if probe is None else (probe,)
    made = replace(made, inputs=(*made.inputs, *(one.as_input() for one in started)))
    return make_reconstruction(scan, own, task.grids[number], made, (*others, *started), more)


def _prepare(group: Group, choice: Choice, listener: Listener, checkpoints: Checkpoints | None) -> _Task:
    def alone(problem: Problem, number: int) -> Result:
        entry = group.entries[number]
        posed = Posed(_ALONE.format(entry), (entry,), problem, choice.stages, choice.model)
        return _alone(group, posed, choice, listener, checkpoints)

    parts, found = _parts(group, choice), None
    if group.share == "object" and choice.drift:
        found = placed(group.entries, parts, alone, choice.device)
        parts = found.parts
    elif group.share == "object":
        parts = on_one_grid(parts, [(0.0, 0.0)] * len(parts))
    brightness = _brightness(parts) if found is None else tuple(at.brightness for at in found.places)
    joint = join([problem for problem, _ in parts], group.share, brightness)
    posed = Posed(group.name, group.entries, joint.problem, choice.stages, choice.model)
    if found is not None:
        # Its start is good already.
        posed = replace(posed, problem=found.begun(joint.problem), model=replace(choice.model, start=Start()))
    places = () if found is None else found.places
    task = _Task(group, posed, joint, tuple(grid for _, grid in parts), brightness, places)
    _tell(task, choice, listener)
    return task


def _parts(group: Group, choice: Choice) -> list[Part]:
    """The problem of each scan on a grid of its own, all with the pixels and the start probe of the first."""
    first = group.scans[0]
    pixel = object_pixel(first)
    probe = None if choice.probe is None else probe_of(choice.probe, first)
    parts: list[Part] = []
    for scan in group.scans:
        monitored = choice.model.intensity is not None and scan.monitor is not None
        made = make_problem(scan, frames=choice.frames, probe=probe, use_monitor=monitored, pixel=pixel)
        probe = made[0].probe
        parts.append(made)
    return parts


def _brightness(parts: Sequence[Part]) -> tuple[float, ...]:
    """Counts of a frame of each scan, over those of the first."""
    counts = [brightness_of(problem) for problem, _ in parts]
    return tuple(one / counts[0] if counts[0] else 1.0 for one in counts)


def _alone(group: Group, posed: Posed, choice: Choice, listener: Listener, checkpoints: Checkpoints | None) -> Result:
    """What one scan of a group gives alone."""
    listener.note(f"{group.name}: {posed.entries[0]} is reconstructed alone first, for the others to be moved onto it")
    result = solve(posed, replace(choice, also=frozenset()), listener, checkpoints)
    if result.status != "done":
        raise ConvergenceError(
            f"{group.name}: {result.message}, before the scans lay on one another; there is nothing to deliver yet"
        )
    return result


def _tell(task: _Task, choice: Choice, listener: Listener) -> None:
    rows, columns = task.posed.problem.object_shape
    frames = ", ".join(
        f"{scan.entry} ({len(grid.frame)})" for scan, grid in zip(task.group.scans, task.grids, strict=True)
    )
    modes = choice.model.modes or len(task.posed.problem.probe)
    y, x = (step * 1e9 for step in task.grids[0].pixel)
    listener.note(
        f"{task.group.name}: one {task.group.share} of {frames} frames, {rows} x {columns} px of {y:.4g} x {x:.4g} nm, "
        f"{modes} probe modes, {choice.device}"
    )
    for number, scan in enumerate(task.group.scans[1:], 1):
        moved = ""
        if task.places:
            down, right = task.places[number].shift
            moved = f"moved by ({down:+.2f}, {right:+.2f}) px, "
        listener.note(
            f"{scan.entry}: {moved}{task.brightness[number]:.4g} times as bright as {task.group.scans[0].entry}"
        )
    partly = int(np.sum(np.any([scan.pixel_mask == 0 for scan in task.group.scans], axis=0) & ~task.posed.problem.good))
    if partly:
        listener.note(f"{task.group.name}: {partly} pixels that some of the scans did not measure are left free in all")


def _facts(task: _Task, number: int) -> dict[str, Value]:
    """What was found of one scan on the way, for the history: drift and its sigma by counting noise, brightness."""
    facts: dict[str, Value] = {"scans.brightness": task.brightness[number]}
    if task.places:
        pixel, at = np.array(task.grids[number].pixel), task.places[number]
        facts |= {
            "scans.shift": pixel * at.shift, "scans.shift@units": "m",
            "scans.shift_errors": pixel * np.sqrt(at.variance), "scans.shift_errors@units": "m",
        }  # fmt: skip
    return facts


def _halves(task: _Task, result: Result, choice: Choice, listener: Listener) -> list[RingCorrelation | str]:
    """Ring correlation of each scan's images that the odd and the even frames of all give, or why there is none."""
    try:
        joints = [halved(task.joint, result, first) for first in (0, 1)]
        done = [solve_half(task.posed, one.problem, choice, listener, number) for number, one in enumerate(joints)]
    except PicpxctError as error:
        listener.note(f"{task.group.name}: no resolution from halves: {error}")
        return [str(error)] * len(task.grids)
    found: list[RingCorrelation | str] = []
    for number, (scan, grid) in enumerate(zip(task.group.scans, task.grids, strict=True)):
        images = []
        for one, half in zip(joints, done, strict=True):
            own = part(one, half, number)
            where = replace(grid, frame=grid.frame[: len(own.positions_px)])
            images.append(make_reconstruction(scan, own, where, step("reconstruct", {})))
        try:
            curve: RingCorrelation | str = correlate(images[0], images[1], HALVES)
        except PicpxctError as error:
            curve = str(error)
        listener.note(f"{scan.entry}: halves: {curve if isinstance(curve, str) else sentence(curve)}")
        found.append(curve)
    return found
