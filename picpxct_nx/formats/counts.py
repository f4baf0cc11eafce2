"""Counts: one pass over all frames that finds the mean, the pixels that hold no counts, and the direct beam."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from picpxct_nx.errors import InputError
from picpxct_nx.values import BLOCK_BYTES, Array, ArraySource

# Bits of NXdetector/pixel_mask: a gap, and a pixel that responds too much.
GAP, OVER = 1 << 0, 1 << 3
# Share of the pixels of the mean frame that are taken to hold background only.
BACKGROUND_QUANTILE = 0.05


@dataclass(frozen=True)
class Survey:
    """What all frames say of each pixel; all arrays are (h, w) and in the layout of the frames that were surveyed.

    `mean` is over the counts that are finite and not negative; `bad` counts the frames where they are not, the first
    of which is `first_bad`; `saturated` counts those that reach `ceiling`, the type's largest number or what the user
    said.
    """

    n: int
    ceiling: float | None
    mean: Array
    bad: Array
    first_bad: Array
    saturated: Array


def survey_counts(frames: ArraySource, saturation: float | None = None) -> Survey:
    """Look at every frame once, in blocks.

    Parameters
    ----------
    frames : (n, h, w) real
        Counts.
    saturation : float, optional
        Counts from which a pixel is saturated. Without it, the largest number of an unsigned type, which detectors
        write for pixels that are saturated or not there.
    """
    n, *shape = frames.shape
    dtype = np.dtype(frames.dtype)
    ceiling = saturation if saturation is not None else float(np.iinfo(dtype).max) if dtype.kind == "u" else None
    total, bad, saturated = np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    first_bad = np.full(shape, n, np.int64)
    # The mean is taken in float64, and some masks of the block are alive with it.
    step = max(1, BLOCK_BYTES // (8 * shape[0] * shape[1]))
    for start in range(0, n, step):
        block = np.asarray(frames[start : start + step])
        if dtype.kind == "u":
            some, full = _of_unsigned(block, ceiling)
            total += some
            saturated += full
            continue
        good = np.isfinite(block) & (block >= 0)
        full = block >= ceiling if ceiling is not None else np.zeros(block.shape, bool)
        total += np.where(good & ~full, block, 0).sum(axis=0, dtype=np.float64)
        if not good.all():
            bad += (~good).sum(axis=0)
            first = start + np.argmin(good, axis=0)
            first_bad = np.where(~good.all(axis=0), np.minimum(first_bad, first), first_bad)
        saturated += (full & good).sum(axis=0)
    mean = total / np.maximum(n - bad - saturated, 1)
    return Survey(n, ceiling, mean, bad, first_bad, saturated)


def _of_unsigned(block: Array, ceiling: float | None) -> tuple[Array, Array]:
    """Sum of the counts below the ceiling, and how many reach it, of each pixel of a block (n, h, w).

    The few pixels that ever reach it are looked at again, so that the others cost one sum and one maximum.
    """
    total = block.sum(axis=0, dtype=np.float64)
    saturated = np.zeros(block.shape[1:], np.int64)
    top = None if ceiling is None else int(np.ceil(ceiling))
    if top is None or top > np.iinfo(block.dtype).max:
        return total, saturated
    reached = block.max(axis=0) >= block.dtype.type(top)
    if reached.any():
        these = block[:, reached]
        full = these >= block.dtype.type(top)
        total[reached] = np.where(full, 0, these).sum(axis=0, dtype=np.float64)
        saturated[reached] = full.sum(axis=0)
    return total, saturated


def find_beam(survey: Survey, masked: Array) -> tuple[float, float]:
    """Row and column of the centre of mass of the mean frame over its good pixels.

    A median over 3 x 3 pixels takes hot pixels out that nobody masked, and a low quantile is taken off as background;
    pixels that ever saturated count as the brightest of the others.

    Parameters
    ----------
    survey : Survey
        Of the frames as given.
    masked : (h, w)
        Not zero where a pixel is bad.

    Raises
    ------
    InputError
        No good pixel has counts.
    """
    good = (masked == 0) & (survey.bad == 0) & (survey.saturated < survey.n)
    steady = good & (survey.saturated == 0)
    weight = np.zeros(good.shape)
    if steady.any():
        low = np.quantile(survey.mean[steady], BACKGROUND_QUANTILE)
        filled = np.where(steady, survey.mean, np.where(good, survey.mean[steady].max(), low))
        weight = np.where(good, np.maximum(median_filter(filled, size=3) - low, 0), 0)
    total = weight.sum()
    if not total > 0:
        raise InputError("--center auto: no good pixel has counts above the rest; say where the beam is: --center y,x")
    rows, columns = np.indices(weight.shape)
    return float((weight * rows).sum() / total), float((weight * columns).sum() / total)


def find_mask(survey: Survey, given: Array | None, name: str) -> tuple[Array, list[str]]:
    """Mask of the frames: the given one, and what the counts themselves mark, with a sentence for each addition.

    A pixel without counts (NaN, infinite, negative) in every frame is a gap. One that saturated is masked. A pixel that
    has counts in some frames and none in others is a fault of those frames.

    Parameters
    ----------
    survey : Survey
        Of the frames as they are imported.
    given : (h, w) int32, optional
        Bits of NXdetector/pixel_mask.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        A good pixel is NaN, infinite or negative in some frames, or no pixel is good.
    """
    mask = np.zeros(survey.mean.shape, np.int32) if given is None else given.astype(np.int32)
    notes = ["no mask was given: every pixel with counts is taken as good"] if given is None else []
    faulty = (survey.bad > 0) & (survey.bad < survey.n) & (mask == 0)
    if faulty.any():
        first = int(survey.first_bad[faulty].min())
        y, x = np.argwhere(faulty & (survey.first_bad == first))[0]
        raise InputError(
            f"{name}: frame {first} is the first with NaN, infinite or negative counts, at pixel ({y}, {x}) as "
            f"imported; {int(faulty.sum())} pixels have such frames; mask them (--map "
            "mask=FILE) or leave the frames out with an index"
        )
    sometimes = (survey.saturated > 0) & (survey.saturated < survey.n)
    most = int(survey.saturated[sometimes].max(initial=0))
    found = (
        ((survey.bad == survey.n) & (mask == 0), GAP, "hold NaN, infinite or negative counts in every frame: gaps"),
        ((survey.saturated == survey.n) & (mask == 0), GAP, f"are at {survey.ceiling} in every frame: gaps"),
        (sometimes & (mask == 0), OVER, f"reach {survey.ceiling} in up to {most} of {survey.n} frames: saturated"),
    )
    for where, bit, text in found:
        if where.any():
            mask[where] |= bit
            notes.append(f"mask: {int(where.sum())} of {where.size} pixels {text}; masked")
    if mask.all():
        raise InputError(
            f"{name}: no good pixel is left; is the mask inverted? 0 is a good pixel, all else is bad "
            "(--map mask=good:FILE says the opposite)"
        )
    return mask, notes


def join_masks(*masks: Array | None) -> Array | None:
    """Bits of all masks that are there, or None."""
    present = [mask for mask in masks if mask is not None]
    return np.bitwise_or.reduce(present).astype(np.int32) if present else None
