"""What happens between two iterations of any engine: the rest of the model is refined, and limits are kept."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from picpxct_nx.errors import InputError

from . import background, dark, ops, positions, variation
from .model import Intensity, Model, ObjectLimits, Positions
from .problem import Problem
from .state import Dark, Data, State, placed
from .sweep import Sums, sweep


@dataclass(frozen=True)
class Plan:
    """A model made ready for one problem.

    Parameters
    ----------
    model : Model
        What is refined, and how.
    given : (n, 2) float64, on the host
        Positions that the problem gives.
    room : (2,) float64
        Largest corner that leaves the window inside the object.
    support, pupil : (h, w) float32, or None
        1 where the probe, and its far field, may have light; the pupil with its zero frequency at the corner.
    scale : (n,) float32, or None
        Factors of the frames by the problem's monitor.
    dark : Dark, or None
        What the frames tell of the background.
    """

    model: Model
    given: Tensor
    room: Tensor
    support: Tensor | None
    pupil: Tensor | None
    scale: Tensor | None = None
    dark: Dark | None = None


def plan(problem: Problem, model: Model, data: Data, state: State) -> Plan:
    """What `improve` needs to know.

    Parameters
    ----------
    problem : Problem
        The scan.
    model : Model
        What is refined, and how.
    data : Data
        The scan on its device.
    state : State
        Where it starts.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        The pupil is to be kept and the problem has none.
    """
    h, w = problem.probe.shape[1:]
    device, support, pupil = data.weight.device, None, None
    if model.probe.radius < float("inf"):
        rows, columns = (np.arange(size) / (size // 2) - 1 for size in (h, w))
        inside = np.hypot(rows[:, None], columns) <= model.probe.radius
        support = torch.from_numpy(inside.astype(np.float32)).to(device)
    if model.probe.pupil:
        if problem.pupil is None:
            raise InputError(
                "probe.pupil: the problem gives no pupil; wanted the optics' one; leave probe.pupil out, or import the "
                "zone plate's diameter and zone width with the scan"
            )
        pupil = torch.from_numpy(np.fft.ifftshift(problem.pupil).astype(np.float32)).to(device)
    room = torch.tensor([size - of for size, of in zip(problem.object_shape, (h, w), strict=True)], dtype=torch.float64)
    # As in `snapshot`, a matrix in memory of PyTorch's own is multiplied to the same bits each time.
    given = torch.from_numpy(np.array(problem.positions_px, np.float64)).clone()
    told = None if model.background is None else dark.told(data, model.background.smooth)
    return Plan(model, given, room, support, pupil, state.scale, told)


def begun(data: Data, state: State, plan: Plan, iteration: int, *, joint: bool) -> tuple[Data, State]:
    """Data and state for an iteration of an engine: one that finds all at once is let do so when due.

    Parameters
    ----------
    data, state, plan
        As for `improve`.
    iteration : int
        The iteration to come, over all engines.
    joint : bool
        The engine finds positions and background with the object.

    Returns
    -------
    data : Data
        With the reach of the frames, and what is told of the background.
    state : State
        With positions where frames may move, and a background where there may be one.
    """
    reach, around, told = 0.0, None, None
    moves, shade = plan.model.positions, plan.model.background
    if joint and moves is not None and iteration >= moves.start:
        now = plan.given if state.positions is None else state.positions
        reach, state = moves.max_step, replace(state, positions=now, velocity=None)
        if moves.geometry == "affine":
            around = (plan.given - plan.given.mean(0)).to(data.weight.device)
    if joint and shade is not None and iteration >= shade.start:
        told = plan.dark
        if state.background is None:
            state = _background(
                data, state, sweep(data, state, positions=False, intensity=False, background=True), plan
            )
    return replace(data, reach=reach, around=around, dark=told), state


def improve(data: Data, state: State, plan: Plan, iteration: int, *, movable: bool) -> tuple[Data, State]:
    """Refine what is due after an iteration of an engine.

    Parameters
    ----------
    data : Data
        The measured scan, at the positions of the state.
    state : State
        The model as the engine leaves it.
    plan : Plan
        What is refined.
    iteration : int
        Iterations done by all engines.
    movable : bool
        Positions may move: the engine keeps no exit waves, which belong to the windows of their positions.

    Returns
    -------
    data : Data
        At the refined positions.
    state : State
        The model.
    """
    model = plan.model
    wanted = {
        "positions": movable and not data.reach and model.positions is not None and iteration >= model.positions.start,
        "intensity": model.intensity is not None and iteration >= model.intensity.start,
        "background": data.dark is None and model.background is not None and iteration >= model.background.start,
    }
    if any(wanted.values()):
        sums = sweep(data, state, **wanted)
        if wanted["intensity"] and model.intensity is not None:
            state = _intensity(state, sums, plan, model.intensity)
        if wanted["background"] and model.background is not None:
            state = _background(data, state, sums, plan)
        if wanted["positions"] and model.positions is not None:
            data, state = _positions(data, state, sums, plan, model.positions)
    if data.reach and model.positions is not None and state.positions is not None:
        found = positions.within(plan.given, state.positions - plan.given, model.positions, plan.room)
        data, state = placed(data, found), replace(state, positions=found)
    if model.variation is not None and iteration >= model.variation.start:
        state = variation.varied(data, state, model.variation)
    return data, _limited(state, plan)


def _positions(data: Data, state: State, sums: Sums, plan: Plan, params: Positions) -> tuple[Data, State]:
    if sums.slope is None or sums.curvature is None:
        return data, state
    step = positions.gauss_newton(sums.slope.cpu(), sums.curvature.cpu())
    now = plan.given if state.positions is None else state.positions
    velocity = torch.zeros_like(now) if state.velocity is None else state.velocity
    found, velocity = positions.moved(plan.given, now, velocity, step, params, plan.room)
    return placed(data, found), replace(state, positions=found, velocity=velocity)


def _intensity(state: State, sums: Sums, plan: Plan, params: Intensity) -> State:
    """Counts over expected counts are the most likely factor of a frame, for Poisson counts of any model.

    A factor exp(g x_j) of the frames at x_j is the same as an object exp(g r) and a probe exp(-g r): no frame can tell.
    So the logarithms get neither a mean nor a slope over the scan but those of the monitor.
    """
    if sums.measured is None or sums.expected is None:
        return state
    first = torch.ones_like(sums.measured) if plan.scale is None else plan.scale
    scale = first if state.scale is None else state.scale
    tiny = torch.finfo(scale.dtype).tiny
    wanted = scale * (sums.measured.clamp(min=0) / sums.expected.clamp(min=tiny)).sqrt()
    # A frame without counts keeps a little light, or nothing could ever bring it back.
    scale = torch.lerp(scale, wanted, params.step).clamp(min=1e-3)
    around = (plan.given - plan.given.mean(0)).to(scale)
    logarithm = (scale / first).log()
    logarithm -= logarithm.mean()
    slope = torch.linalg.pinv(around.mT @ around) @ (around.mT @ logarithm)
    scale = first * (logarithm - around @ slope).exp()
    return replace(state, scale=scale / scale.square().mean().sqrt())


def _background(data: Data, state: State, sums: Sums, plan: Plan) -> State:
    params = plan.model.background
    if sums.dark is None or plan.dark is None or params is None:
        return state
    return background.improved(data, state, plan.dark, sums.dark, params.step)


def _limited(state: State, plan: Plan) -> State:
    probe, image = state.probe, state.object
    if plan.support is not None:
        probe = probe * plan.support
    if plan.pupil is not None:
        probe = ops.inverse_far_field(ops.far_field(probe) * plan.pupil)
    return replace(state, probe=probe, object=_bounded(image, plan.model.object))


def _bounded(image: Tensor, limits: ObjectLimits) -> Tensor:
    if limits.phase_only:
        return image / image.abs().clamp(min=torch.finfo(torch.float32).tiny)
    if limits.max < float("inf"):
        return image * (limits.max / image.abs().clamp(min=limits.max))
    return image
