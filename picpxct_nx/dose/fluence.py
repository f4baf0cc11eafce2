"""Photons per area that scans sent through each part of the sample, in the frame of the sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from picpxct_nx.dose.beam import Beam, turned
from picpxct_nx.records import Scan

Floats = NDArray[np.float64]

# What a convolution leaves of nothing, relative to its largest value; and what is too little to be kept on a map.
_ROUNDING, _LITTLE = 1e-9, 1e-3


@dataclass(frozen=True)
class Map:
    """A map on square pixels of `pixel` m, whose [0, 0] lies at `start` (y, x) times the pixel."""

    values: Floats
    start: tuple[int, int]
    pixel: float

    def axis(self, axis: int) -> Floats:
        """Coordinates of the rows (0) or columns (1), m."""
        return self.pixel * (self.start[axis] + np.arange(self.values.shape[axis], dtype=np.float64))


def fluence(scan: Scan, beam: Beam, photons: float, pixel: float) -> Map:
    """Photons per area of one scan, Phi(r) = N sum_n m_n p(r - r_n), on pixels of the frame of the sample.

    The profile p adds up to 1 over its area, N are the photons of a mean frame, m_n the monitor over its mean. The beam
    of frame n meets r_n = R(-rotation) (-s_n) for a stage at s_n. Positions between pixels are shared by the four
    around, which blurs by less than a pixel and loses no photon.

    Parameters
    ----------
    photons : N
    pixel : m

    Returns
    -------
    Map in 1/m^2.
    """
    cosine, sine = np.cos(scan.rotation), np.sin(scan.rotation)
    y, x = (-np.asarray(stage, np.float64) for stage in (scan.stage_y, scan.stage_x))
    place = np.stack([cosine * y - sine * x, sine * y + cosine * x]) / pixel
    weight = np.ones(place.shape[1])
    if scan.monitor is not None:
        weight = np.asarray(scan.monitor, np.float64) / np.mean(scan.monitor)
    profile = turned(beam, pixel, scan.rotation)
    corner = np.floor(place).astype(int)
    least = corner.min(axis=1)
    hits = np.zeros(corner.max(axis=1) - least + 2)
    for step_y in (0, 1):
        for step_x in (0, 1):
            share = np.abs(1 - step_y - (place[0] - corner[0])) * np.abs(1 - step_x - (place[1] - corner[1]))
            np.add.at(hits, (corner[0] - least[0] + step_y, corner[1] - least[1] + step_x), weight * share)
    half = profile.shape[0] // 2
    spread = fftconvolve(hits, profile)
    spread[spread < _ROUNDING * spread.max()] = 0
    return Map(photons / pixel**2 * spread, (int(least[0]) - half, int(least[1]) - half), pixel)


def added(a: Map, b: Map) -> Map:
    """The sum of two maps of one pixel, on all pixels of both."""
    start = np.minimum(a.start, b.start)
    stop = np.maximum(*(np.add(m.start, m.values.shape) for m in (a, b)))
    total = np.zeros(stop - start)
    for each in (a, b):
        top, left = np.subtract(each.start, start)
        total[top : top + each.values.shape[0], left : left + each.values.shape[1]] += each.values
    return Map(total, (int(start[0]), int(start[1])), a.pixel)


def cropped(part: Map, whole: Map) -> Map:
    """A map on those rows and columns where another one of its shape is more than a thousandth of its largest value."""
    kept = whole.values > _LITTLE * whole.values.max()
    rows, columns = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
    cut = part.values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Map(cut, (part.start[0] + int(rows[0]), part.start[1] + int(columns[0])), part.pixel)
