"""The registered cube: every polarisation turned into the frame of the sample and brought onto one of them.

Quarter turns are exact. What is left of the nominal rotation, the refined rotation, the shift and the magnification are
one interpolation of t - 1; the polarisation that the others are brought onto has none where its nominal rotation is a
number of quarter turns.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from picpxct_nx import stages, units
from picpxct_nx.errors import ConvergenceError, InputError, UsageError
from picpxct_nx.images import extension, features, motion, registration
from picpxct_nx.images.cubes import Projections, finite, leave_out, mean_phase, pixel_steps, polarisations
from picpxct_nx.images.features import Feature, Image, Mask, Real
from picpxct_nx.images.matching import Pair
from picpxct_nx.images.motion import Motion
from picpxct_nx.images.registration import Match, Model, register
from picpxct_nx.records import SpectralCube, polarization_angle
from picpxct_nx.values import Array, Room, in_memory

ANGLE_TOLERANCE = np.deg2rad(0.5)
# A particle explains nearly all of another picture of itself, a third of a picture of another particle.
LEAST_EXPLAINED = 0.6
# Noise alone explains this many times the share of one independent sample at most.
LEAST_CONTRAST = 40.0
LARGEST_SHIFT = 0.25  # of the frame
_SQUARE = 1e-4


@dataclass(frozen=True)
class RegisterOptions:
    """How polarisations are brought onto each other.

    `search` in rad around the nominal rotation, `reference` the angle of a polarisation in rad; `crop` cuts the frame
    to what all polarisations know.
    """

    on: Feature = "gradient"
    how: Model = "rigid"
    bins: int = 32
    search: float = np.deg2rad(10)
    reference: float | None = None
    crop: bool = True


def choose(on: str, how: str, search: str, *, bins: int, reference: str | None, crop: bool) -> RegisterOptions:
    """What the command line asks for, checked before anything is read.

    Raises
    ------
    UsageError
        The feature, the model or an angle is not understood.
    """
    onto = None if reference is None else units.quantity(reference, "rad")
    reach = units.quantity(search, "rad")
    if not 0 < reach <= motion.QUARTER / 2:
        raise UsageError(f"--search '{search}': wanted an angle above 0 and up to 45 deg")
    seen = features.feature(on, features.REAL)
    return RegisterOptions(seen, registration.model(how), bins, reach, onto, crop)


@dataclass(frozen=True)
class Registration:
    """What brings each polarisation into the frame of the sample: quarter `turns`, and then a motion.

    `matches` has None for the `reference`.
    """

    reference: int
    turns: tuple[int, ...]
    motions: tuple[Motion, ...]
    matches: tuple[Match | None, ...]


def find_registration(cube: SpectralCube, options: RegisterOptions) -> Registration:
    """Turns and motions that bring the polarisations of an aligned cube into the frame of the sample.

    Raises
    ------
    InputError
        The cube has one polarisation, its pixels are not square, or a polarisation is not there or not finite.
    ConvergenceError
        The images do not overlap, do not say enough about each other, or are best at the limit of the search.
    """
    stages.require(cube, "aligned", "register")
    every = _registrable(cube)
    reference = _reference(cube, options.reference)
    parts = [motion.quarters(-float(angle)) for angle in cube.rotation]
    turns, rests = tuple(turn for turn, _ in parts), [rest for _, rest in parts]
    fixed, fixed_window = _seen(every[reference], turns[reference], Motion(rests[reference]), options.on)
    motions, matches = [Motion(rest) for rest in rests], dict[int, Match]()
    for one in every:
        if one.index != reference:
            moving, window = _seen(one, turns[one.index], Motion(), options.on)
            match = _captured(one, Pair(fixed, moving, fixed_window, window), rests[one.index], options)
            matches[one.index], motions[one.index] = match, match.motion
    return Registration(reference, turns, tuple(motions), tuple(matches.get(one.index) for one in every))


def _registrable(cube: SpectralCube) -> list[Projections]:
    """The polarisations of a cube that can be registered."""
    if len(cube.valid) < 2:
        raise InputError(
            f"{cube.entry}: has one polarisation: nothing to register; "
            "picpxct normalize takes an aligned cube of one polarisation"
        )
    tall, wide = pixel_steps(cube)
    if not tall > 0 or abs(wide / tall - 1) > _SQUARE:
        raise InputError(
            f"{cube.entry}: its pixels are {tall * 1e9:.4g} x {wide * 1e9:.4g} nm; register wants square ones along "
            "rising axes: stack the reconstructions with square pixels"
        )
    every = list(polarisations(cube))
    empty = next((one for one in every if not len(one.energies) or not one.known.any()), None)
    if empty is not None:
        raise InputError(f"{empty.name()}: has no projection with a known field; leave it out of the stack")
    return every


def _reference(cube: SpectralCube, angle: float | None) -> int:
    if angle is None:
        return 0
    apart = np.abs((np.asarray(cube.polarization_angle) - angle + np.pi / 2) % np.pi - np.pi / 2)
    if apart.min() > ANGLE_TOLERANCE:
        there = ", ".join(f"{np.rad2deg(one):.4g}" for one in cube.polarization_angle)
        raise InputError(f"{cube.entry}: has no polarisation at {np.rad2deg(angle):.4g} deg; it has {there} deg")
    return int(np.argmin(apart))


def _seen(one: Projections, turns: int, rest: Motion, on: Feature) -> tuple[Real, Real]:
    """Feature of the mean image of a polarisation in the frame of the sample, and the window of what is known."""
    total = sum(finite(one, int(energy)).astype(np.complex128) for energy in one.energies)
    mean = np.asarray(total / len(one.energies), np.complex64)
    image, known = _moved(mean, one.known, turns, rest)
    level = known if one.air is None or not one.air.any() else _air(one.air, turns, rest)
    return np.asarray(features.extract(image, on, level), np.float64), features.window(known)


def _mask(mask: Mask, turns: int, rest: Motion) -> Mask:
    side = motion.frame_side(mask.shape)
    return motion.move_mask(motion.turned(motion.framed(mask, side, fill=False), turns), rest)


def _air(mask: Mask, turns: int, rest: Motion) -> Mask:
    """Pixels that are air for the larger part: nothing is interpolated from them, and rims of air are narrow."""
    side = motion.frame_side(mask.shape)
    return motion.mask_share(motion.turned(motion.framed(mask, side, fill=False), turns), rest) > 0.5


def _moved(image: Image, known: Mask, turns: int, rest: Motion) -> tuple[Image, Mask]:
    """One image in the frame of the sample, 1 where it is not known, and where it is."""
    side = motion.frame_side(image.shape)
    before = motion.turned(motion.framed(known, side, fill=False), turns)
    after = motion.move_mask(before, rest)
    canvas = None if rest.still else extension.canvas(before, motion.reach(side, rest))
    return _turned_and_moved(image, turns, rest, canvas, after), after


def _turned_and_moved(image: Image, turns: int, rest: Motion, canvas: extension.Canvas | None, known: Mask) -> Image:
    if canvas is None:
        # Not even 1 is taken off and added again: that would round.
        whole = motion.turned(motion.framed(image, len(known), fill=1), turns)
    else:
        frame = motion.turned(motion.framed(image - np.complex64(1), len(known), fill=0), turns)
        whole = motion.move(frame, rest, canvas) + np.complex64(1)
    return np.where(known, whole, np.complex64(1))


def _captured(one: Projections, pair: Pair, start: float, options: RegisterOptions) -> Match:
    """The match of a polarisation with the reference, if it is to be believed."""
    try:
        match = register(pair, options.how, options.bins, options.search, start)
    except ConvergenceError as error:
        raise ConvergenceError(f"{one.name()}: {error}") from None
    turned, side = match.motion.angle - start, len(pair.fixed)
    shift = max(abs(length) for length in match.motion.shift_px)
    trouble = None
    if match.explained * match.samples < LEAST_CONTRAST or match.explained < LEAST_EXPLAINED:
        trouble = (
            f"its {options.on} explains only {100 * max(match.explained, 0):.0f} % of the reference's; is it the same "
            "sample, upright as its rotation says?"
        )
    elif options.how != "translation" and abs(turned) >= options.search:
        trouble = (
            f"fits best {np.rad2deg(turned):.1f} deg from its nominal rotation, at the limit of the search; "
            "mend the rotation, or search further with --search"
        )
    elif shift > LARGEST_SHIFT * side:
        trouble = f"fits best {shift:.0f} px away, more than a quarter of the frame; is the axis of rotation right?"
    elif match.after < match.before:
        trouble = (
            f"mutual information fell from {match.before:.4f} to {match.after:.4f}; the nominal rotation fits better"
        )
    if trouble is not None:
        raise ConvergenceError(f"{one.name()}: {trouble}")
    return match


def apply_registration(cube: SpectralCube, found: Registration, *, crop: bool, room: Room = in_memory) -> SpectralCube:
    """The cube in the frame of the sample, without history: images, masks, axes, rotations and polarisation angles.

    Raises
    ------
    ConvergenceError
        No pixel is known in all polarisations.
    """
    side = motion.frame_side(cube.known.shape)
    placed = list(zip(polarisations(cube), found.turns, found.motions, strict=True))
    known = np.stack([_mask(one.known, turns, rest) for one, turns, rest in placed])
    common = np.asarray(known.all(axis=0))
    if not common.any():
        raise ConvergenceError(f"{cube.entry}: no pixel is known in all polarisations after registration")
    rows, columns = _box(common) if crop else (slice(0, side), slice(0, side))
    shape = (*np.shape(cube.valid), rows.stop - rows.start, columns.stop - columns.start)
    images = room(shape, np.complex64)
    leave_out(images, cube.valid)
    for one, turns, rest in placed:
        before = motion.turned(motion.framed(one.known, side, fill=False), turns)
        canvas = None if rest.still else extension.canvas(before, motion.reach(side, rest))
        for energy in one.energies:
            image = _turned_and_moved(finite(one, int(energy)), turns, rest, canvas, known[one.index])
            images[one.index, int(energy)] = image[rows, columns]
    air = None
    if cube.air is not None:
        air = np.stack([_air(one.air, t, m) for one, t, m in placed if one.air is not None]) & known
        air = air[:, rows, columns]
    rotation = refined_rotation(cube, found)
    axis = pixel_steps(cube)[0] * (np.arange(side) - side // 2)
    return dataclasses.replace(
        cube,
        stage="registered",
        transmission=images,
        known=known[:, rows, columns],
        air=air,
        y=axis[rows],
        x=axis[columns],
        rotation=rotation,
        polarization_angle=np.array(
            [polarization_angle(stokes, angle) for stokes, angle in zip(cube.stokes, rotation, strict=True)]
        ),
        phase=mean_phase(images, np.asarray(cube.valid)),
    )


def refined_rotation(cube: SpectralCube, found: Registration) -> Array:
    """Rotation of the sample (P,) in rad: the nominal one, and by how much more the images had to be turned back."""
    rest = np.array([motion.quarters(-float(angle))[1] for angle in cube.rotation])
    more = np.array([one.angle for one in found.motions]) - rest
    return np.asarray(np.asarray(cube.rotation, np.float64) - more)


def _box(mask: Mask) -> tuple[slice, slice]:
    """The smallest box that holds a mask."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
