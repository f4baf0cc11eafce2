"""What the script of a page works on: pictures, curves and the spectral stack as plain values and compressed text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from picpxct_nx.images.frc_threshold import length_text
from picpxct_nx.records import FrcCurve, GrainMap
from picpxct_nx.report.cards import Card, Plan
from picpxct_nx.report.gather import Gathered, Shifts, done
from picpxct_nx.report.grain_pictures import composite, direction_colours, square_pair
from picpxct_nx.report.others import dose_values, spectrum_values
from picpxct_nx.report.pictures import with_power
from picpxct_nx.report.pixels import STEPS, TABLES, Coded, binned, coded, factor_for, packed, plain, png, span, table
from picpxct_nx.report.spectral import (
    Quantity,
    Stack,
    contrast,
    grain_spectra,
    in_codes,
    label_on,
    levels,
    reduced,
    strongest,
)
from picpxct_nx.values import Array

# Letters that the stacks, and the pictures of all scans, may take; letters that a value of sixteen bits takes at least.
STACK_BUDGET, SCAN_BUDGET, _WIDE_LETTERS = 14_000_000, 4_500_000, 1.5
# Longest side of the pictures of scans by how many there are, and letters that a pixel takes.
_SIDES, _LETTERS = (384, 256, 192, 128, 96, 64), 1.6
# Phase of the scans: the strongest of the darkest matter, and a little above air.
_PHASE_ENDS, _PHASE_AIR, _MODULUS = (0.01, 0.99), 0.1, (0.002, 0.995)
# Positions that a chart shows.
_POSITIONS = 1500


@dataclass
class Payload:
    """The values by name, and what has to be said about them."""

    values: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def payload(gathered: Gathered) -> Payload:
    """Everything that the script of the page needs."""
    cards = done(gathered)
    labels: list[str] = []
    notes: list[str] = []
    plans = {plan.uuid: plan for plan in gathered.plans.values()}
    scans, ranges = _scans(cards, plans, notes)
    values = {
        "tables": {name: _colours(name) for name in TABLES},
        "scans": scans, "ranges": ranges,
        "curves": [*map(_curve, gathered.curves.values()), *map(_halves, shown_halves(cards))],
        "stacks": _stacks(list(gathered.stacks.values()), list(gathered.grains.values()), labels, notes),
        "shifts": [_shift(shifts) for shifts in gathered.shifts.values()],
        "grains": [_grain_map(record, labels) for record in gathered.grains.values()],
        "doses": [dose_values(record) for record in gathered.doses.values()],
        "spectra": [spectrum_values(record) for record in gathered.spectra.values()],
        "labels": labels, "live": None,
    }  # fmt: skip
    return Payload(values, notes)


def _colours(name: str) -> list[int]:
    return [int(r) << 16 | int(g) << 8 | int(b) for r, g, b in table(name)]


def shown_halves(cards: Sequence[Card]) -> list[Card]:
    """Cards whose ring correlation of halves is drawn: the worst and the best."""
    known = sorted((c for c in cards if c.halves is not None), key=lambda c: c.half_period or 0.0)
    return known if len(known) < 3 else [known[-1], known[0]]


def _scans(cards: Sequence[Card], plans: Mapping[str, Plan], notes: list[str]) -> tuple[list[Any], dict[str, Any]]:
    if not cards:
        return [], {}
    side = next((s for s in _SIDES if 2 * len(cards) * s * s * _LETTERS <= SCAN_BUDGET), _SIDES[-1])
    small = [_small(card.image, side) for card in cards]
    phases = [np.angle(image) for image in small]
    low = min(span(phase, _PHASE_ENDS)[0] for phase in phases)
    ends = [span(np.abs(image), _MODULUS) for image in small]
    ranges: dict[str, dict[str, Any]] = {
        "phase": {"low": low, "high": _PHASE_AIR, "unit": "rad", "table": "viridis"},
        "modulus": {"low": min(e[0] for e in ends), "high": max(e[1] for e in ends), "unit": "", "table": "gray"},
    }
    if any(max(card.full[0]) > side * 1.5 for card in cards):
        notes.append(f"Pictures of scans are reduced to at most {side} pixels a side; the files have them in full.")
    found = []
    for card, image, phase in zip(cards, small, phases, strict=True):
        found.append({
            "entry": card.entry,
            "title": f"{card.entry}: {card.energy_ev:.1f} eV, E at {np.rad2deg(card.angle):.1f}° in the sample; "
                     f"object {card.full[0][1]} × {card.full[0][0]} px of {length_text(card.full[1])}",
            "phase": png(coded(phase, low, _PHASE_AIR), "viridis"),
            "modulus": png(coded(np.abs(image), ranges["modulus"]["low"], ranges["modulus"]["high"]), "gray"),
            "width": card.image.shape[1] * abs(card.pixel[1]),
            "probe": _modes(card),
            "probeWidth": card.probe.shape[2] * card.probe_pixel,
            "error": plain(card.error, 4), **_positions(card, plans),
        })  # fmt: skip
    return found, ranges


def _modes(card: Card) -> list[dict[str, str]]:
    """The modulus of every mode, each on its own scale, and its part of the power in percent."""
    found = []
    for mode, part in zip(np.abs(card.probe), card.power, strict=False):
        brightest = float(np.max(mode, initial=0.0, where=np.isfinite(mode)))
        found.append({"image": png(coded(mode, 0.0, brightest), "magma"), "power": f"{100 * part:.3g}"})
    return found


def _small(image: Array, side: int) -> Array:
    factor = factor_for(image.shape, side)
    return np.asarray(binned(image.real, factor) + 1j * binned(image.imag, factor))


def _positions(card: Card, plans: Mapping[str, Plan]) -> dict[str, Any]:
    every = max(1, -(-len(card.position) // _POSITIONS))
    shown = card.position[::every] * 1e6
    values: dict[str, Any] = {"x": plain(shown[:, 1], 5), "y": plain(shown[:, 0], 5), "nominal": None}
    plan = next((plans[uuid] for uuid in card.source if uuid in plans), None)
    note = f"{len(card.position)} positions" + (f", one in {every} drawn" if every > 1 else "")
    if plan is not None and len(card.frame) and int(np.max(card.frame)) < len(plan.position):
        given = plan.position[np.asarray(card.frame, int)]
        away = (card.position - given) * 1e9
        away -= away.mean(axis=0)
        values["nominal"] = {"x": plain(given[::every, 1] * 1e6, 5), "y": plain(given[::every, 0] * 1e6, 5)}
        rms = float(np.sqrt((away**2).sum(axis=1).mean()))
        note += f"; refined by {rms:.2g} nm (rms)" if rms > 0.01 else "; as the stage gave them"
    else:
        note += "; give the raw scan as well to see how far they were refined"
    return values | {"moved": note}


def _curve(curve: FrcCurve) -> dict[str, Any]:
    rings = with_power(curve.spatial_frequency)
    return {
        "f": plain(curve.spatial_frequency[rings] * 1e-6, 5), "c": plain(curve.correlation[rings], 4),
        "t": plain(curve.threshold[rings], 4),
        "image": curve.image, "threshold": curve.threshold_name,
        "at": None if curve.half_period is None else 0.5e-6 / curve.half_period,
        "half": "" if curve.half_period is None else f"half period {length_text(curve.half_period)}",
    }  # fmt: skip


def _halves(card: Card) -> dict[str, Any]:
    assert card.halves is not None  # noqa: S101  # only those are shown
    image, _, threshold = card.halves_name.partition(", ")
    half, rings = card.half_period, with_power(card.halves[0])
    return {
        "f": plain(card.halves[0][rings] * 1e-6, 5), "c": plain(card.halves[1][rings], 4), "t": None, "image": image,
        "threshold": threshold, "at": None if half is None else 0.5e-6 / half,
        "half": "" if half is None else f"half period {length_text(half)}",
    }  # fmt: skip


def _shift(shifts: Shifts) -> dict[str, Any]:
    return {
        "energies": plain(shifts.energies_ev, 8), "angles": plain(np.rad2deg(shifts.angles), 6),
        "shift": plain(shifts.shift * 1e9, 5), "sigma": plain(shifts.sigma * 1e9, 4),
    }  # fmt: skip


def _stacks(stacks: list[Stack], maps: list[GrainMap], labels: list[str], notes: list[str]) -> list[dict[str, Any]]:
    """Stacks that fit the budget: binned as little as that needs, then as fine as fits. Normalised ones come first."""
    if not stacks:
        return []
    stacks = sorted(stacks, key=lambda stack: stack.stage != "normalized")
    for more, wide in _sizes(stacks):
        own: list[str] = []
        smaller = [reduced(stack, more) for stack in stacks]
        made = [entry for stack in smaller for entry in _entries(stack, maps, own, len(labels), wide=wide)]
        if sum(len(entry["blob"]) for entry in made) + sum(map(len, own)) <= STACK_BUDGET:
            break
    labels += own
    factors = {stack.factor * more for stack in stacks} - {1}
    if factors:
        size = ", ".join(f"{f} x {f}" for f in sorted(factors))
        notes.append(f"The spectral stack shows means of {size} pixels of the file, so that the page stays small.")
    return made


def _sizes(stacks: list[Stack]) -> Iterator[tuple[int, bool]]:
    """Factors to bin by, and whether in sixteen bits, the finest first."""
    values = sum(int(np.prod(stack.shape)) * len(stack.quantities) for stack in stacks)
    # Below a few pixels a side nothing is to be seen any more.
    for more in range(1, 1 + max(1, max(max(stack.shape[2:]) for stack in stacks) // 8)):
        if values / more**2 * _WIDE_LETTERS <= STACK_BUDGET:
            yield more, True
        yield more, False


def _entries(stack: Stack, maps: list[GrainMap], labels: list[str], before: int, *, wide: bool) -> list[dict[str, Any]]:
    grains = next((m for m in maps if label_on(stack, m) is not None), None)
    label = None if grains is None else label_on(stack, grains)
    index = None
    if label is not None:
        index = before + len(labels)
        labels.append(packed(label.astype("<u2")))
    n_pol, _, height, width = stack.shape
    pair = square_pair(stack.angles) if n_pol > 1 else None
    found = []
    for quantity in stack.quantities:
        code = in_codes(quantity, wide=wide)
        ends = levels(quantity, code)
        entry: dict[str, Any] = {
            "name": quantity.name, "unit": quantity.unit, "title": stack.title, "width": width, "height": height,
            "energies": plain(stack.energies_ev, 8), "angles": plain(np.rad2deg(stack.angles), 6),
            "pair": pair and list(pair),
            "pixel": list(stack.pixel), "origin": list(stack.origin), "low": code.low, "high": code.high,
            "step": code.step, "blob": packed(code.codes), "bits": 16 if wide else 8, "levels": ends, "label": index,
            "table": "viridis", "start": strongest(quantity, pair), "grains": None, "contrast": contrast(ends),
            "note": _said(stack, quantity, code),
        }  # fmt: skip
        if label is not None and grains is not None:
            spectra = grain_spectra(quantity, label, grains.grain_id)
            entry["grains"] = {"ids": [int(i) for i in grains.grain_id], "mean": plain(spectra.mean, 5),
                               "sigma": plain(spectra.sigma, 3)}  # fmt: skip
        found.append(entry)
    return found


def _said(stack: Stack, quantity: Quantity, code: Coded) -> str:
    _, _, height, width = stack.shape
    # Half floats in between hold three digits.
    step = f"in {code.steps} steps of {code.step:.2g} {quantity.unit}".rstrip() if code.steps == STEPS else "to 0.05 %"
    size = f"{width} × {height} px of {length_text(abs(stack.pixel[1]))}"
    return f"{quantity.name}: {quantity.meaning}. {size}; a pixel's spectrum is shown {step}."


def _grain_map(record: GrainMap, labels: list[str]) -> dict[str, Any]:
    labels.append(packed(record.label.astype("<u2")))
    pair = square_pair(record.polarization_angle)
    maps = record.signal[list(pair)].astype(np.float64)
    low, high = signal_range(record)
    first, second = (maps - low) / (high - low)
    step_y, step_x = ((float(a[-1]) - float(a[0])) / max(1, len(a) - 1) for a in (record.y, record.x))
    rows, columns = (
        (record.centroid_y - float(record.y[0])) / step_y,
        (record.centroid_x - float(record.x[0])) / step_x,
    )
    height, width = record.label.shape
    return {
        "width": width, "height": height, "pixel": [abs(step_y), abs(step_x)], "label": len(labels) - 1,
        "composite": packed(np.rint(255 * composite(first, second, "cyan-magenta")).astype(np.uint8)),
        "direction": packed(np.rint(255 * direction_colours(record.orientation)).astype(np.uint8)),
        "centres": [[str(int(i)), plain(r, 5), plain(c, 5)] for i, r, c in
                    zip(record.grain_id, rows, columns, strict=True)],
    }  # fmt: skip


def signal_range(record: GrainMap) -> tuple[float, float]:
    """Signals that are dark and bright in the composite: of an axis across and along the polarisation."""
    if record.background is not None and record.amplitude is not None:
        return float(record.background), float(record.background + record.amplitude)
    return span(record.signal, (0.02, 0.98))
