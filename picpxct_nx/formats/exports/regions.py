"""Mean spectra of regions of a normalised cube, with their standard deviations: of all, of boxes, or of grains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.air_choice import in_boxes, parse_boxes
from picpxct_nx.records import GrainMap, NormalizedCube
from picpxct_nx.spectra.record import has_errors, point_errors
from picpxct_nx.values import Array, ArraySource

ALL, GRAINS = "all", "grains"


@dataclass(frozen=True)
class Region:
    """Part of the images: its name for a file, a sentence about it, and its pixels (h, w) bool."""

    name: str
    about: str
    mask: Array


@dataclass(frozen=True)
class Spectrum:
    """Mean of one spectrum over a region at the n energies of a polarisation: values and standard deviations (n,)."""

    value: Array
    sigma: Array | None


def regions(record: NormalizedCube, text: str | None, grains: GrainMap | None) -> Iterator[Region]:
    """The regions that --region names: all, grains (of the map of --with), or boxes in m.

    Raises
    ------
    UsageError
        It is none of these, or grains without a map.
    InputError
        The map is of another grid, or no pixel lies in the boxes.
    """
    shape = (len(record.y), len(record.x))
    if text in (None, ALL):
        yield Region("", "all pixels that can be used", np.ones(shape, bool))
    elif text == GRAINS:
        if grains is None:
            raise UsageError("--region grains: wanted the grain map as well; give it with --with MAP")
        same = grains.label.shape == shape and np.allclose(grains.y, record.y) and np.allclose(grains.x, record.x)
        if not same:
            raise InputError(f"{record.entry}: the grain map has another grid, {grains.label.shape}; wanted {shape}")
        for number in grains.grain_id:
            yield Region(f"_grain{int(number):03d}", f"grain {int(number)} of {grains.entry}", grains.label == number)
    elif "=" in str(text):
        try:
            mask = in_boxes(parse_boxes(str(text)), record.y, record.x)
        except UsageError as error:
            raise UsageError(str(error).replace("--air", "--region")) from None
        if not mask.any():
            reach = ", ".join(f"{a}={axis[0] * 1e6:.2f}um:{axis[-1] * 1e6:.2f}um" for a, axis in _axes(record))
            raise InputError(f"{record.entry}: no pixel lies in --region '{text}'; the images reach over {reach}")
        yield Region("_box", f"pixels in {text}", mask)
    else:
        raise UsageError(f"--region '{text}': wanted all, grains, or a box such as \"y=-1um:1um,x=0um:2um\"")


def _axes(record: NormalizedCube) -> Sequence[tuple[str, Array]]:
    return ("y", record.y), ("x", record.x)


@dataclass(frozen=True)
class Part:
    """The pixels of a region that count: their flat indices (k,) and weights (k,)."""

    index: Array
    weight: Array


def part(record: NormalizedCube, p: int, region: Region) -> Part:
    """The pixels of a region whose mask is 0, with weights that are the same at all energies.

    w = (D / s)^2 with the divisor D of the pixel's XANES and the noise s of its optical density: the inverse variance,
    so that thin pixels do not spoil the mean. Where the cube has no noise maps, w = D^2, or 1 without a divisor.
    """
    index = np.flatnonzero(region.mask & (np.asarray(record.mask[p]) == 0))
    weight = np.ones(len(index))
    if record.xanes_scale is not None:
        weight *= np.asarray(record.xanes_scale[p], np.float64).ravel()[index] ** 2
    if record.density_noise is not None:
        weight /= np.asarray(record.density_noise[p], np.float64).ravel()[index] ** 2
    good = np.isfinite(weight) & (weight > 0)
    return Part(index[good], weight[good])


def means(record: NormalizedCube, name: str, place: tuple[int, Array], parts: Sequence[Part]) -> list[Spectrum]:
    """Weighted means of `xanes` or `xpnes` over regions, in float64; each image is read once for all of them.

    z = sum w z_i / sum w, with the variance sum w^2 v_i / (sum w)^2 of the variances v_i of points (`point_errors`).
    Pixels are taken as independent; pixels finer than the resolution are not.

    Parameters
    ----------
    record : NormalizedCube
        The spectra.
    name : str
        xanes or xpnes.
    place : int and (n,) int
        Index of the polarisation, and those of its energies.
    parts : sequence of Part
        The pixels of each region, none of them without a pixel.
    """
    p, energies = place
    source: ArraySource = getattr(record, name)
    values, variances = np.empty((len(parts), len(energies))), np.empty((len(parts), len(energies)))
    known = has_errors(record, name)
    for column, e in enumerate(energies):
        image = np.asarray(source[p, int(e)], np.float64)
        errors = point_errors(record, name, p, int(e), image) if known else np.zeros_like(image)
        for row, each in enumerate(parts):
            w = each.weight / np.sum(each.weight)
            values[row, column] = np.sum(w * image.ravel()[each.index])
            variances[row, column] = np.sum((w * errors.ravel()[each.index]) ** 2)
    sigmas = np.sqrt(variances) if known else None
    return [Spectrum(values[row], None if sigmas is None else sigmas[row]) for row in range(len(parts))]
