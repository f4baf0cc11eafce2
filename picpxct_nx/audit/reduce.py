"""A scan made small enough to be reconstructed many times: some frames, cut and binned."""

from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx.illumination import start_probe
from picpxct_nx.images.fourier import centred_fft, centred_ifft
from picpxct_nx.records import Scan
from picpxct_nx.values import Array

# Frames and pixels along a side that a race is run with; more would take minutes and decide nothing else. Where frames
# stay larger because the probe fills them, there are fewer of them, but not fewer than these.
MOST_FRAMES, MOST_PIXELS, FEWEST_FRAMES = 100, 128, 40
# Frames that are looked at to find where the sample is.
_LOOKED_AT = 64
# Frames may be cut where outside falls no more than this part of the counts: what is cut off is noise to the rest.
_CUT_COUNTS = 2e-3
# Pixels may be binned while the window stays this much wider than the box that holds `_IN_BOX` of the probe.
_ROOM, _IN_BOX = 1.6, 0.99


@dataclass(frozen=True)
class Small:
    """A small scan and what was done for it: which frames of the whole scan it has, and how many pixels were binned."""

    scan: Scan
    frames: Array
    binned: int

    @property
    def start(self) -> Array:
        """Its start probe (modes, h, w)."""
        return np.asarray(self.scan.start_probe)


def reduce(scan: Scan, most_frames: int | None = None) -> Small:
    """The part of a scan that a race is run with, in memory.

    The frames are those nearest to the place where they differ most from their mean, so that there is a sample in
    them, and its edge. They are cut around the beam as long as hardly a count is lost, and binned as long as the probe
    fits into the smaller window: frames of N pixels p sample a window lambda z / p, which binning makes smaller.

    Parameters
    ----------
    scan : Scan
        Raw scan; only the frames that are looked at are read.
    most_frames : int, optional
        How many frames to take; else as many as a race of half a minute on one core can have.
    """
    chosen = _frames(scan, most_frames or MOST_FRAMES)
    small = _some(replace(scan, pixel_mask=np.asarray(scan.pixel_mask), start_probe=start_probe(scan)), chosen)
    small, factor = _binned(_cut(small))
    fewer = max(FEWEST_FRAMES, MOST_FRAMES * MOST_PIXELS**2 // (small.frames.shape[1] * small.frames.shape[2]))
    if most_frames is None and fewer < len(chosen):
        kept = np.flatnonzero(np.isin(chosen, _frames(scan, fewer)))
        small, chosen = _some(small, kept), chosen[kept]
    return Small(small, chosen, factor)


def _some(scan: Scan, rows: Array) -> Scan:
    """Some frames of a scan, in memory and renumbered."""
    return replace(
        scan,
        frames=np.stack([np.asarray(scan.frames[row]) for row in rows.tolist()]),
        frame=np.arange(len(rows)),
        stage_y=np.asarray(scan.stage_y, np.float64)[rows],
        stage_x=np.asarray(scan.stage_x, np.float64)[rows],
        monitor=None if scan.monitor is None else np.asarray(scan.monitor)[rows],
    )


def _frames(scan: Scan, most: int) -> Array:
    n = scan.frames.shape[0]
    if n <= most:
        return np.arange(n)
    place = np.stack([np.asarray(scan.stage_y, np.float64), np.asarray(scan.stage_x, np.float64)], 1)
    some = np.unique(np.linspace(0, n - 1, min(n, _LOOKED_AT)).round().astype(int))
    good = np.asarray(scan.pixel_mask) == 0
    roots = np.stack(
        [np.sqrt(np.where(good, np.asarray(scan.frames[i]), 0).clip(0).astype(np.float32)) for i in some.tolist()]
    )
    unlike = ((roots - roots.mean(0)) ** 2).sum((1, 2))
    # Averaged over as much of the scan as the chosen frames will cover, and not at its rim if there is a choice.
    near = np.hypot(*(place[some, None] - place[None, some]).transpose(2, 0, 1))
    radius = np.sqrt(most / n) * np.median(np.hypot(*(place - place.mean(0)).T)) + 1e-30
    weight = np.exp(-((near / radius) ** 2))
    centre = place[some[int(np.argmax(weight @ unlike))]]
    return np.sort(np.argsort(np.hypot(*(place - centre).T), kind="stable")[:most])


def _cut(scan: Scan) -> Scan:
    _, h, w = scan.frames.shape
    mean = np.where(scan.pixel_mask == 0, np.asarray(scan.frames), 0).mean(0, dtype=np.float64)
    sides = (h, w)
    for part in np.linspace(1.0, 0.3, 15):
        shape = (_even(h * part), _even(w * part))
        rows, columns = (_middle(n, m) for n, m in zip((h, w), shape, strict=True))
        if max(shape) < MOST_PIXELS // 2 or mean[rows, columns].sum() < (1 - _CUT_COUNTS) * mean.sum():
            break
        sides = shape
        if max(shape) <= MOST_PIXELS:
            break
    if sides == (h, w):
        return scan
    rows, columns = (_middle(n, m) for n, m in zip((h, w), sides, strict=True))
    probe = centred_ifft(centred_fft(np.asarray(scan.start_probe))[:, rows, columns])
    return replace(
        scan,
        frames=np.asarray(scan.frames)[:, rows, columns],
        pixel_mask=scan.pixel_mask[rows, columns],
        start_probe=probe.astype(np.complex64),
        beam_center_y=scan.beam_center_y - rows.start * scan.y_pixel_size,
        beam_center_x=scan.beam_center_x - columns.start * scan.x_pixel_size,
    )


def _binned(scan: Scan) -> tuple[Scan, int]:
    _, h, w = scan.frames.shape
    factor = 1
    while (
        max(h, w) / factor > MOST_PIXELS
        and _fits(np.asarray(scan.start_probe), factor + 1)
        and min(h, w) // (factor + 1) >= MOST_PIXELS // 4
    ):
        factor += 1
    if factor == 1:
        return scan, 1
    # The pixel of the beam, [h // 2, w // 2], has to lie in the middle pixel of what is made.
    rows, columns = (_blocks(n, factor) for n in (h, w))
    frames = _sums(np.asarray(scan.frames)[:, rows, columns].astype(np.float32), factor)
    bad = _sums((scan.pixel_mask[rows, columns] != 0)[None].astype(np.float32), factor)[0]
    m_y, m_x = frames.shape[1:]
    probe_rows, probe_columns = (_middle(n, m) for n, m in zip((h, w), (m_y, m_x), strict=True))
    small = replace(
        scan,
        frames=frames,
        pixel_mask=(bad > 0).astype(np.int32),
        y_pixel_size=scan.y_pixel_size * factor,
        x_pixel_size=scan.x_pixel_size * factor,
        beam_center_y=m_y // 2 * scan.y_pixel_size * factor,
        beam_center_x=m_x // 2 * scan.x_pixel_size * factor,
        start_probe=np.asarray(scan.start_probe)[:, probe_rows, probe_columns],
    )
    return small, factor


def _fits(probe: Array, factor: int) -> bool:
    """Whether the probe's box, with room around it, fits into the window that binning leaves."""
    light = (np.abs(probe.astype(np.complex128)) ** 2).sum(0)
    h, w = light.shape
    rows, columns = (_middle(n, _even(n / factor / _ROOM)) for n in (h, w))
    return bool(light[rows, columns].sum() >= _IN_BOX * light.sum())


def _sums(images: Array, factor: int) -> Array:
    n, h, w = images.shape
    return np.asarray(images.reshape(n, h // factor, factor, w // factor, factor).sum((2, 4)))


def _blocks(size: int, factor: int) -> slice:
    """The largest part of an axis of whole blocks, an even number of them, with the middle pixel in their middle."""
    count = size // factor // 2 * 2
    start = size // 2 - count // 2 * factor - (factor - 1) // 2
    while start < 0 or start + count * factor > size:
        count -= 2
        start = size // 2 - count // 2 * factor - (factor - 1) // 2
    return slice(start, start + count * factor)


def _middle(size: int, part: int) -> slice:
    start = size // 2 - part // 2
    return slice(start, start + part)


def _even(size: float) -> int:
    return max(2, int(size) // 2 * 2)
