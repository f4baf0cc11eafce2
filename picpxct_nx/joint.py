"""Raw scans that share object or probe to their reconstructions: one problem of all, a record for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx import account
from picpxct_nx.choice import Choice
from picpxct_nx.errors import ConvergenceError, InputError, PicpxctError
from picpxct_nx.geometry import Grid, Part, make_problem, make_reconstruction, on_one_grid
from picpxct_nx.illumination import object_pixel, probe_of
from picpxct_nx.images.frc import RingCorrelation, sentence
from picpxct_nx.images.frc_record import correlate
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Problem, Result
from picpxct_nx.ptycho.drift import FARTHEST
from picpxct_nx.ptycho.joint import Joint, brightness_of, given, halved, join, part
from picpxct_nx.ptycho.model import Start
from picpxct_nx.ptycho.placing import LEAST_FRAMES, place
from picpxct_nx.ptycho.uncertainty import of_part
from picpxct_nx.reconstruction import HALVES, Listener, Posed, Store, noise_of, solve, solve_half
from picpxct_nx.records import Reconstruction, Record
from picpxct_nx.sharing import Group
from picpxct_nx.values import Array, Value

# Two scans may show the same where positions of one are nearer to those of the other than this part of a window.
_NEAR = 0.25
# Where less than this part of the strongest light fell, an object is not worth starting with.
_LEAST_COVERAGE = 0.01


@dataclass(frozen=True)
class Place:
    """Where a scan lies on the object of the first: how far that had moved, its sigma, px, and the light it was in."""

    shift: Array
    variance: Array
    brightness: float


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
    task = _prepare(group, choice, listener)
    result = solve(task.posed, choice, listener, checkpoints)
    sigmas = noise_of(task.posed, result, choice, listener)
    parts = [part(task.joint, result, number) for number in range(len(group.scans))]
    for number, (entry, own) in enumerate(zip(group.entries, parts, strict=True)):
        for line in account.found(given(task.joint, number), own):
            listener.note(f"{entry}: {line}")
    curves: Sequence[RingCorrelation | str | None] = [None] * len(parts)
    if result.status == "done" and "halves" in choice.also:
        curves = _halves(task, result, choice, listener)
    facts = account.parameters(choice, choice.stages, choice.model, result)
    facts |= {"status": result.status, "message": result.message, "scans.count": len(parts)}
    inputs = [scan.as_input() for scan in group.scans]
    started = () if choice.probe is None else (choice.probe,)
    products = []
    for number, (scan, own, grid) in enumerate(zip(group.scans, parts, task.grids, strict=True)):
        known = None if sigmas is None else of_part(sigmas, own)
        found = _facts(task, number) | account.facts(known, curves[number])
        rest = [one for other, one in enumerate(inputs) if other != number]
        made = step("reconstruct", facts | found, [inputs[number], *rest, *(one.as_input() for one in started)])
        others: tuple[Record, ...] = (*(other for other in group.scans if other is not scan), *started)
        more = account.more_values(known, curves[number])
        products.append(make_reconstruction(scan, own, grid, made, others, more))
    if result.status == "stopped":
        for entry in group.entries:
            listener.stopped(f"{entry}: {result.message}")
    elif checkpoints is not None:
        checkpoints.forget(group.name)
    return tuple(products)


def _prepare(group: Group, choice: Choice, listener: Listener) -> _Task:
    parts = _parts(group, choice)
    places: tuple[Place, ...] = ()
    alone: tuple[Result, Grid] | None = None
    if group.share == "object":
        flat = on_one_grid(parts, [(0.0, 0.0)] * len(parts))
        if choice.drift:
            places, first = _placed(group, flat, choice, listener)
            parts, alone = (
                on_one_grid(parts, [(float(y), float(x)) for y, x in (at.shift for at in places)]),
                (first, flat[0][1]),
            )
        else:
            parts = flat
    brightness = tuple(at.brightness for at in places) or _brightness(parts)
    joint = join([problem for problem, _ in parts], group.share, brightness)
    grids = tuple(grid for _, grid in parts)
    posed = Posed(group.name, group.entries, joint.problem, choice.stages, choice.model)
    if alone is not None:
        begun = _begun(joint.problem, grids[0], *alone)
        posed = replace(posed, problem=begun, model=replace(choice.model, start=Start()))
    task = _Task(group, posed, joint, grids, brightness, places)
    _tell(task, choice, listener)
    return task


def _begun(problem: Problem, grid: Grid, known: Result, old: Grid) -> Problem:
    """The problem with the object and the probe that the first scan gave alone to start with."""
    image = np.ones(problem.object_shape, np.complex64)
    seen = np.where(known.illumination > _LEAST_COVERAGE * known.illumination.max(), known.object, 1)
    # The grids of both are whole pixels apart.
    at = [
        np.arange(size) + round((was - now) / step)
        for size, was, now, step in zip(seen.shape, old.origin, grid.origin, grid.pixel, strict=True)
    ]
    inside = [(places >= 0) & (places < size) for places, size in zip(at, image.shape, strict=True)]
    image[np.ix_(at[0][inside[0]], at[1][inside[1]])] = seen[np.ix_(*inside)]
    return replace(problem, object=image, probe=known.probe)


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


def _placed(
    group: Group, parts: Sequence[Part], choice: Choice, listener: Listener
) -> tuple[tuple[Place, ...], Result]:
    """Where the scans lie on one another: each found on the image that one before it gives alone; and the first image.

    The first scan is reconstructed alone, and every other that shows the same is placed on it. Where fields only touch
    their neighbours, the one among those already placed that most of the rest is near to is reconstructed next.
    """
    places: dict[int, Place] = {0: Place(np.zeros(2), np.zeros(2), 1.0)}
    images: dict[int, Result] = {}
    left = set(range(1, len(parts)))
    refused = dict.fromkeys(left, "lies on none of the other scans")
    while left:
        near = {one: _near(parts, one, left) for one in sorted(places.keys() - images.keys())}
        # The first always: all go on from its image.
        seen = 0 if not images else max(near, key=lambda one: near[one], default=0)
        if not near.get(seen):
            lost = min(left)
            raise InputError(
                f"{group.entries[lost]}: {refused[lost]}; wanted fields that share {LEAST_FRAMES} frames or more, at "
                f"most {FARTHEST} px from where the stages say, for one object; leave it out, or share the probe"
            )
        images[seen] = _alone(group, parts, seen, choice, listener)
        for other in sorted(left):
            try:
                found = place(parts[other][0], images[seen], device=choice.device)
            except InputError as error:
                refused[other] = f"does not lie on {group.entries[seen]}: {error}"
                continue
            base = places[seen]
            places[other] = Place(
                base.shift + found.shift.px,
                base.variance + np.square(found.shift.sigma_px),
                base.brightness * found.brightness,
            )
            left.remove(other)
    return tuple(places[number] for number in range(len(parts))), images[0]


def _near(parts: Sequence[Part], one: int, others: set[int]) -> int:
    """How many frames of other scans are near to one scan's."""
    mine, reach = parts[one][0].positions_px, _NEAR * min(parts[one][0].frames.shape[1:])
    return sum(int(np.hypot(*(at - mine).T).min() < reach) for other in others for at in parts[other][0].positions_px)


def _alone(group: Group, parts: Sequence[Part], number: int, choice: Choice, listener: Listener) -> Result:
    """What one scan gives alone."""
    entry = group.entries[number]
    listener.note(f"{group.name}: {entry} is reconstructed alone first, for the others to be moved onto it")
    posed = Posed(f"{entry} alone", (entry,), parts[number][0], choice.stages, choice.model)
    result = solve(posed, replace(choice, also=frozenset()), listener, None)
    if result.status != "done":
        raise ConvergenceError(
            f"{group.name}: {result.message}, before the scans lay on one another; there is nothing to keep yet"
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
