"""Drift between scans, estimated from the small images of their cards; `align` is the command that measures it."""

import itertools
from collections.abc import Sequence

import numpy as np

from picpxct_nx.images.correlation import band, find, spectrum
from picpxct_nx.report.cards import Card
from picpxct_nx.values import Array

# Rim of the images that is faded out, as part of the side.
_RIM = 0.1


def drifts(cards: Sequence[Card]) -> dict[str, tuple[float, float]]:
    """Shift (y, x) in m of every scan from the mean position of its polarisation, by entry.

    The gradient of the phase of each image, on one grid in the laboratory, is correlated with that of the scan before
    it in energy (`images.correlation`); the steps are summed up. A scan that is alone has no drift.
    """
    found: dict[str, tuple[float, float]] = {}
    groups: dict[float, list[Card]] = {}
    for card in cards:
        groups.setdefault(round(float(np.rad2deg(card.angle)), 0) % 180, []).append(card)
    for members in groups.values():
        if len(members) < 2:
            continue
        series = sorted(members, key=lambda card: card.energy_ev)
        pixel, views = _views(series)
        steps = [np.zeros(2)]
        for before, after in itertools.pairwise(views):
            where = band((before.shape[0], before.shape[1]), real=True)
            # What brings the later image back onto the earlier one is the opposite of its drift.
            steps.append(-find(spectrum(before, where), spectrum(after, where), where) * pixel)
        place = np.cumsum(steps, axis=0)
        place -= place.mean(axis=0)
        found |= {card.entry: (float(p[0]), float(p[1])) for card, p in zip(series, place, strict=True)}
    return found


def _views(series: Sequence[Card]) -> tuple[float, list[Array]]:
    """Size of the gradient of the phase of every card on the grid that all of them cover, and its pixel."""
    pixel = max(abs(step) for card in series for step in card.pixel)
    axes = []
    for axis in (0, 1):
        low = max(card.origin[axis] for card in series)
        high = min(card.origin[axis] + card.pixel[axis] * (card.image.shape[axis] - 1) for card in series)
        axes.append(low + pixel * np.arange(max(4, int((high - low) / pixel) + 1)))
    fade = np.multiply.outer(*(_faded(len(axis)) for axis in axes))
    return pixel, [fade * _edges(_at(card, axes[0], axes[1])) for card in series]


def _at(card: Card, y: Array, x: Array) -> Array:
    """The image of a card at other coordinates, linear between its pixels; 1 where nothing is known."""
    image = np.where(np.isfinite(card.image), card.image, 1)
    for axis, new in ((0, y), (1, x)):
        place = np.clip((new - card.origin[axis]) / card.pixel[axis], 0, image.shape[axis] - 1.001)
        first = place.astype(int)
        rest = (place - first).reshape((-1, 1) if axis == 0 else (1, -1))
        image = np.take(image, first, axis) * (1 - rest) + np.take(image, first + 1, axis) * rest
    return image


def _edges(image: Array) -> Array:
    """Local change of an image along both axes, as one number a pixel."""
    down = np.abs(np.diff(image, axis=0, prepend=image[:1]))
    along = np.abs(np.diff(image, axis=1, prepend=image[:, :1]))
    return np.asarray(np.hypot(down, along), np.float64)


def _faded(count: int) -> Array:
    rim = max(1, round(_RIM * count))
    ramp = np.sin(np.pi / 2 * (np.arange(rim) + 0.5) / rim) ** 2
    return np.concatenate([ramp, np.ones(max(0, count - 2 * rim)), ramp[::-1]])[:count]
