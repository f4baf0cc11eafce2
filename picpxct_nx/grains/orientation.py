"""Direction of a uniaxial crystal's axis from its linear dichroism: two polarisations, or three and more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

Floats = NDArray[np.float64]

# Directions closer than this are one: together they say no more than their mean.
SAME_DIRECTION = np.deg2rad(2.0)
# Two polarisations closer than this, modulo pi, are parallel; light less polarised than this shows no dichroism.
PARALLEL, LEAST_PURITY = np.deg2rad(10.0), 0.1


@dataclass(frozen=True)
class Light:
    """Polarisations in the frame of the sample: direction (P,) rad from x towards y, linear part (P,) 0 to 1."""

    angle: Floats
    purity: Floats


@dataclass(frozen=True)
class Direction:
    """Axes found, each array (...): angle in [0, pi) and its sigma, rad; strength b cos^2(tilt) and its sigma."""

    angle: Floats
    angle_errors: Floats
    strength: Floats
    strength_errors: Floats


def light(stokes: Floats, angle: Floats) -> Light:
    """Polarisations of Stokes vectors (P, 4); their linear part is sqrt(Q^2 + U^2) / I.

    Raises
    ------
    InputError
        There is one polarisation, or one is hardly polarised, or all are parallel.
    """
    i, q, u, _ = np.asarray(stokes, np.float64).T
    purity = np.hypot(q, u) / i
    if len(angle) < 2:
        raise InputError("has one polarisation; wanted two or more: give register both, then normalize")
    for number, part in enumerate(purity):
        if not part >= LEAST_PURITY:
            text = f"polarisation {number} is linearly polarised to {part:.0%}; wanted at least {LEAST_PURITY:.0%}"
            raise InputError(f"{text}: without linear polarisation there is no dichroism to see")
    apart = np.abs((angle[:, None] - angle + np.pi / 2) % np.pi - np.pi / 2)
    if apart.max() < PARALLEL:
        text = f"all polarisations lie along {np.rad2deg(angle[0]):.1f} deg in the sample"
        raise InputError(f"{text}; wanted two or more directions: measure with the sample turned, or turn the beam's")
    return Light(np.asarray(angle, np.float64), purity)


def is_ambiguous(beam: Light) -> bool:
    """Whether two directions only were measured, so that an axis cannot be told from its mirror image."""
    return len(_groups(beam)) < 3


def halfway(beam: Light) -> float:
    """Direction halfway between two polarisations, rad in [0, pi); the one nearer to pi/4 where they are square."""
    first, second = (float(np.angle(np.mean(np.exp(2j * beam.angle[group])))) / 2 for group in _groups(beam)[:2])
    apart = (second - first + np.pi / 2) % np.pi - np.pi / 2
    middle = first + apart / 2
    if abs(abs(apart) - np.pi / 2) < SAME_DIRECTION and np.cos(2 * (middle - np.pi / 4)) < 0:
        middle += np.pi / 2
    return float(middle % np.pi)


def spread_of_unknown(beam: Light) -> float:
    """Standard deviation, rad, of a direction of which nothing is known: pi / sqrt(12), or half where folded."""
    return float(np.pi / np.sqrt(12) / (2 if is_ambiguous(beam) else 1))


def find(signal: Floats, errors: Floats, beam: Light, *, background: float = 0.0) -> Direction:
    """Direction of the axis from the signal of every polarisation.

    I_i = a + b' ((1 + P_i) / 2 cos^2(theta - p_i) + (1 - P_i) / 2 sin^2(theta - p_i)) with b' = b cos^2(tilt), which
    is linear in (a + b'/2, b'/2 cos 2 theta, b'/2 sin 2 theta). Three and more directions are solved by weighted least
    squares in closed form, with the full covariance. Two directions need a: what they leave open is closed by
    b' = hypot of its parts, and of the two solutions the one nearer to `halfway` is returned; its sigma is the spread
    over signals changed by their sigma (unscented), which holds where the two solutions meet.

    Parameters
    ----------
    signal, errors : (P, ...)
        Signals of the polarisations and their standard deviations; NaN where not known.
    beam : Light
    background : float
        Signal a of an axis across the polarisation, which two directions need.

    Returns
    -------
    Direction
        Arrays (...); the sigma of the angle is at most `spread_of_unknown`.

    References
    ----------
    Apseros et al., Nature 636, 354 (2024): dichroism as (c . E)^2 with imperfect polarisation.
    """
    found = _two(signal, errors, beam, background) if is_ambiguous(beam) else _many(signal, errors, beam)
    most = spread_of_unknown(beam)
    sigma = np.where(np.isfinite(found.angle), np.fmin(found.angle_errors, most), np.nan)
    return Direction(_folded(found.angle), sigma, found.strength, found.strength_errors)


def _folded(angle: Floats) -> Floats:
    """Angles in [0, pi); rounding can leave one that is pi."""
    turned = np.asarray(angle % np.pi)
    return np.where(turned >= np.pi, 0.0, turned)


def tilt(found: Direction, amplitude: float) -> tuple[Floats, Floats]:
    """Angle between axis and sample plane, and its sigma, rad, (...): cos^2(tilt) = b' / b.

    Signals changed by their sigma give the sigma, which stays finite where the axis lies in the plane.
    """

    def angle(strength: Floats) -> Floats:
        return np.asarray(np.arccos(np.sqrt(np.clip(strength / amplitude, 0.0, 1.0))))

    middle = angle(found.strength)
    up, down = (angle(found.strength + sign * found.strength_errors) for sign in (1, -1))
    return middle, np.asarray(np.sqrt(((up - middle) ** 2 + (down - middle) ** 2) / 2))


def _groups(beam: Light) -> list[NDArray[np.intp]]:
    """Indices of the polarisations by direction."""
    left = list(range(len(beam.angle)))
    groups: list[NDArray[np.intp]] = []
    while left:
        apart = np.abs((beam.angle[left] - beam.angle[left[0]] + np.pi / 2) % np.pi - np.pi / 2)
        groups.append(np.array(left)[apart < SAME_DIRECTION])
        left = [index for index in left if index not in groups[-1]]
    return groups


def _design(beam: Light) -> Floats:
    """Rows (1, P cos 2p, P sin 2p) of every polarisation, (P, 3)."""
    twice = 2 * beam.angle
    return np.stack([np.ones_like(twice), beam.purity * np.cos(twice), beam.purity * np.sin(twice)], axis=1)


def _weights(errors: Floats) -> Floats:
    """One over the median variance of every polarisation, (P,); equal ones where none is known."""
    flat = errors.reshape(len(errors), -1)
    known = np.isfinite(flat).all(axis=0) & (flat > 0).all(axis=0)
    return 1 / np.median(flat[:, known], axis=1) ** 2 if known.any() else np.ones(len(errors))


def parts(signal: Floats, errors: Floats, beam: Light) -> tuple[Floats, Floats]:
    """Least squares of (a + b'/2, b'/2 cos 2 theta, b'/2 sin 2 theta), (3, ...), and covariance (3, 3, ...)."""
    design, weight = _design(beam), _weights(errors)
    solver = np.linalg.pinv(design * np.sqrt(weight)[:, None]) * np.sqrt(weight)
    covariance = np.einsum("ip,jp,p...->ij...", solver, solver, errors**2)
    return np.tensordot(solver, signal, axes=1), covariance


def _many(signal: Floats, errors: Floats, beam: Light) -> Direction:
    (_, x, y), cov = parts(signal, errors, beam)
    square = np.maximum(x**2 + y**2, np.finfo(float).tiny)
    across = y**2 * cov[1, 1] + x**2 * cov[2, 2] - 2 * x * y * cov[1, 2]
    along = x**2 * cov[1, 1] + y**2 * cov[2, 2] + 2 * x * y * cov[1, 2]
    return Direction(
        np.asarray(np.arctan2(y, x) / 2),
        np.asarray(np.sqrt(across) / (2 * square)),
        np.asarray(2 * np.sqrt(square)),
        np.asarray(2 * np.sqrt(along / square)),
    )


def _two(signal: Floats, errors: Floats, beam: Light, background: float) -> Direction:
    groups = _groups(beam)
    pair = np.stack([signal[group].mean(axis=0) for group in groups]) - background
    sigma = np.stack([np.sqrt(np.sum(errors[group] ** 2, axis=0)) / len(group) for group in groups])
    beam = Light(
        np.array([np.angle(np.mean(np.exp(2j * beam.angle[group]))) / 2 for group in groups]),
        np.array([np.mean(beam.purity[group]) for group in groups]),
    )
    angle, strength, missed = _nearest(pair, beam)
    spread, strength_spread = np.zeros_like(angle), np.zeros_like(angle)
    for index in range(2):
        for sign in (1, -1):
            changed = pair.copy()
            changed[index] += sign * sigma[index]
            other, other_strength, _ = _nearest(changed, beam)
            spread += ((other - angle + np.pi / 2) % np.pi - np.pi / 2) ** 2 / 2
            strength_spread += (other_strength - strength) ** 2 / 2
    # Far beyond the cone all of these end on the same point.
    return Direction(angle, np.sqrt(np.maximum(spread, missed**2 / 2)), strength, np.sqrt(strength_spread))


def _nearest(pair: Floats, beam: Light) -> tuple[Floats, Floats, Floats]:
    """Angle and b' of the solution nearer to `halfway`, for signals (2, ...) of two directions without background.

    In the frame of the direction halfway between, q = b'/2 and (x, y) = q (cos, sin)(2 theta) solve two linear
    equations up to a line v + s n, on which the cone q^2 = x^2 + y^2 cuts out two points. Where noise has pushed the
    line past the cone, its nearest point is taken, and the third result is the angle that the same distance on the
    other side would make; else that is zero.
    """
    middle = halfway(beam)
    design = _design(Light(beam.angle - middle, beam.purity))
    start = np.tensordot(np.linalg.pinv(design), pair, axes=1)
    direction = np.linalg.svd(design)[2][2]
    # The solution nearer to halfway has the larger x.
    direction = direction * np.sign(direction[1])
    metric = np.array([1.0, -1.0, -1.0])
    square = float(np.sum(metric * direction**2))
    mixed = np.tensordot(metric * direction, start, axes=1)
    inside = mixed**2 - square * np.tensordot(metric, start**2, axes=1)

    def at(root: Floats) -> tuple[Floats, Floats]:
        q, x, y = start + direction.reshape(3, *[1] * (start.ndim - 1)) * ((-mixed - root) / square)
        return np.arctan2(y, x) / 2, 2 * q

    angle, strength = at(np.sqrt(np.maximum(inside, 0.0)))
    missed = np.where(inside < 0, np.abs(at(np.sqrt(np.abs(inside)))[0] - angle), 0.0)
    return np.asarray(angle + middle), np.asarray(strength), np.asarray(missed)
