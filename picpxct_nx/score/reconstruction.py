"""Score of one reconstruction: its object and its beam, and what flattening left of ramp, phase and scale in air."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from picpxct_nx.errors import InputError
from picpxct_nx.images.frc_pair import common_field, same_pixel
from picpxct_nx.images.score import LIT, Score, object_error
from picpxct_nx.records import Reconstruction
from picpxct_nx.score.beam import judge_beam
from picpxct_nx.score.figures import Figure
from picpxct_nx.score.truth import Experiment, Truth

# Pixels from the particle at which its image, blurred by the resolution, may be taken for air.
_RIM_PX = 2


@dataclass(frozen=True)
class _Pair:
    """Image, truth and maps on the pixels that both show; `residual_px` is how far the truth must still be moved."""

    found: NDArray[np.complex64]
    true: NDArray[np.complex64]
    thickness: NDArray[np.float64]
    lit: NDArray[np.bool_]
    air: NDArray[np.bool_] | None
    residual_px: tuple[float, float]


def judge(record: Reconstruction, experiment: Experiment) -> tuple[Figure, ...]:
    """Object error, displacement, errors of positions and probe, and for a flattened object what is left in air.

    The object error is sqrt(sum |c T - O|^2 / sum |O|^2) over well lit pixels once a complex scale c, a phase ramp and
    a shift are removed, which ptychography cannot know. The displacement is by how much the image shows the sample
    displaced beyond the drift: probe and object may have moved together.

    Raises
    ------
    InputError
        The truth of that scan was not given, or its pixels are of another size.
    """
    truth = experiment.scan(record.energy_ev, record.rotation)
    if truth is None:
        angle = np.rad2deg(record.rotation)
        raise InputError(
            f"{record.entry}: none of the {len(experiment.scans)} scans given as truth is that of "
            f"{record.energy_ev:.1f} eV at {angle:.0f} deg; give the scan that it was made from"
        )
    pair = _pair(record, truth)
    score = object_error(pair.found, pair.true, pair.lit)
    missed = [float(by + rest) for by, rest in zip(score.shift_px, pair.residual_px, strict=True)]
    figures = [
        Figure("object_error", "object error (scale, ramp and shift removed)", score.error),
        Figure("displacement_y", "displacement along y beyond the drift", -missed[0], "px"),
        Figure("displacement_x", "displacement along x beyond the drift", -missed[1], "px"),
    ]
    figures += judge_beam(record, truth)
    if record.stage == "flattened":
        figures += _flatness(pair, score)
    return tuple(figures)


def _pair(record: Reconstruction, truth: Truth) -> _Pair:
    found = np.asarray(record.transmission)
    pixel = same_pixel(float(record.y[1] - record.y[0]), truth.pixel, side_px=max(found.shape))
    origin = (float(record.y[0]), float(record.x[0]))
    # The image shows the sample where it drifted to.
    true_origin = (float(truth.y[0] + truth.drift[0]), float(truth.x[0] + truth.drift[1]))

    def cut(a: Any, b: Any) -> Any:
        return common_field(a, b, pixel=pixel, origin_a=origin, origin_b=true_origin)

    field = cut(found, truth.transmission)
    light = np.ones(found.shape) if record.coverage is None else np.asarray(record.coverage)
    air = None if record.air is None else cut(np.asarray(record.air), truth.label).a
    return _Pair(
        found=field.a,
        true=field.b,
        thickness=cut(found, truth.thickness).b,
        lit=cut(light > LIT * light.max(), truth.label).a,
        air=air,
        residual_px=field.residual_px,
    )


def _flatness(pair: _Pair, score: Score) -> list[Figure]:
    """What flattening left: in true air, well lit and away from the particle, the transmission should be 1."""
    clear = binary_erosion(pair.thickness == 0, iterations=_RIM_PX, border_value=1) & pair.lit
    t = pair.found[clear].astype(np.complex128)
    mean = t.mean() if t.size else complex("nan")
    span = [float(np.ptp(place)) for place in np.nonzero(pair.lit)]
    ramp = float(sum(abs(slope) * size for slope, size in zip(score.ramp, span, strict=True)))
    figures = [
        Figure("air_pixels", "pixels that are truly air", int(clear.sum())),
        Figure("air_phase", "phase left in air, mean", float(np.angle(mean)), "rad"),
        Figure("air_phase_rms", "phase in air about its mean, rms", _spread(t, mean), "rad"),
        Figure("phase_ramp", "phase ramp left across the lit field", ramp, "rad"),
        Figure("air_amplitude", "modulus in air less 1, mean", float(np.abs(t).mean() - 1) if t.size else None),
    ]
    if pair.air is not None:
        inside = int(np.sum(pair.air & pair.lit))
        matter = int(np.sum(pair.air & pair.lit & (pair.thickness > 0)))
        figures += [
            Figure("air_found", "part of true air that was taken for air", _percent(pair.air & clear, clear), "%"),
            Figure("air_wrong", "part of what was taken for air that is not", 100 * matter / max(1, inside), "%"),
        ]
    return figures


def _spread(t: NDArray[np.complex128], mean: complex) -> float:
    return float(np.sqrt(np.mean(np.angle(t * np.conj(mean)) ** 2))) if t.size else float("nan")


def _percent(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return 100 * float(part.sum()) / max(1, int(whole.sum()))
