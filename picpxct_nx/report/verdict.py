"""The verdict: a few figures against their limits, each one to be read from across the room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from picpxct_nx.images.frc_threshold import length_text
from picpxct_nx.records import FrcCurve
from picpxct_nx.report.cards import Card
from picpxct_nx.report.gather import Gathered, done, waiting
from picpxct_nx.report.limits import Limits, State

# What an FRC is of, the one that speaks for the resolution first.
_SPOKEN = ("phase", "complex", "phasor", "absorption", "real")


@dataclass(frozen=True)
class Tile:
    """One figure: what it is, its value, the state, what is wanted, and more in small print."""

    name: str
    value: str
    unit: str
    state: State
    wanted: str
    detail: str


def tiles(gathered: Gathered, moved: Mapping[str, tuple[float, float]]) -> list[Tile]:
    """The figures of a verdict that the records allow; `moved` is the drift (y, x) of every scan in m."""
    found = []
    if gathered.cards or gathered.curves:
        found.append(_resolution(gathered))
    if gathered.cards or gathered.plans or gathered.failures:
        found.append(_progress(gathered))
    distance = drift_of(gathered, moved)
    if distance or gathered.cards:
        found.append(_drift(gathered.limits, distance))
    if gathered.cards:
        found.append(_misfit(gathered))
    if gathered.doses:
        found.append(_dose(gathered))
    return found


def worst(row: Sequence[Tile]) -> State:
    """The state of the whole row."""
    order: tuple[State, ...] = ("bad", "look", "good", "open")
    return next((state for state in order if any(tile.state == state for tile in row)), "open")


def _wanted(limits: Limits, name: str, text: str) -> str:
    where = {"file": "from the file", "command line": "from the command line", "default": "default"}
    return f"wanted {text} ({where[limits.origin(name)]})"


def _parts(metres: float) -> tuple[str, str]:
    number, unit = length_text(metres).split(" ")
    return number, unit


def _resolution(gathered: Gathered) -> Tile:
    limits = gathered.limits
    wanted = 'no target: --set half_period="60 nm"'
    if limits.half_period is not None:
        wanted = _wanted(limits, "half_period", f"{length_text(limits.half_period)} or finer")
    curves = sorted(gathered.curves.values(), key=lambda curve: _SPOKEN.index(curve.image))
    if curves:
        first = [curve for curve in curves if curve.image == curves[0].image]
        value, finer = max(_of_curve(curve) for curve in first)
        detail = f"half period, {first[0].image}, {first[0].threshold_name}; FRC of {_count(len(first), 'pair')}"
    else:
        halves = [card for card in gathered.cards.values() if card.halves is not None]
        failed = [card for card in gathered.cards.values() if card.halves is None and card.halves_note]
        if failed:
            return Tile("Resolution", "none", "", "bad", wanted, f"{failed[0].entry}: {failed[0].halves_note}"[:160])
        if not halves:
            return Tile("Resolution", "–", "", "open", wanted, "not measured: reconstruct --also halves, or frc")
        worst_card = max(halves, key=_of_halves)
        value, finer = _of_halves(worst_card)
        detail = f"half period, {worst_card.halves_name}; worst of {_count(len(halves), 'scan')}: {worst_card.entry}"
    if not np.isfinite(value):
        return Tile("Resolution", "none", "", "bad", wanted, f"{detail}; the images do not correlate")
    number, unit = _parts(value)
    return Tile("Resolution", f"{'<' if finer else ''}{number}", unit, limits.judge(value, limits.half_period), wanted,
                f"{detail}{'; resolved down to the pixel' if finer else ''}")  # fmt: skip


def _of_curve(curve: FrcCurve) -> tuple[float, bool]:
    """Half period in m, and whether the real one is finer; infinite where nothing is resolved."""
    if curve.half_period is not None:
        return float(curve.half_period), False
    above = bool(curve.correlation[-1] > curve.threshold[-1])
    return (float(curve.pixel_size), True) if above else (np.inf, False)


def _of_halves(card: Card) -> tuple[float, bool]:
    if card.half_period is not None:
        return card.half_period, False
    correlation = np.empty(0) if card.halves is None else card.halves[1]
    # The curve ends above any threshold only where the last rings still agree.
    return (card.full[1], True) if correlation.size and correlation[-1] > 0.5 else (np.inf, False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def planned(gathered: Gathered) -> int | None:
    """Number of scans that are planned; None where nobody said."""
    limits = gathered.limits
    if not limits.energies_ev:
        return None
    seen = [card.rotation for card in gathered.cards.values()] + [plan.rotation for plan in gathered.plans.values()]
    turns = limits.rotations or tuple({round(rotation, 3) for rotation in seen})
    return len(limits.energies_ev) * max(1, len(turns))


def _progress(gathered: Gathered) -> Tile:
    cards, open_plans = done(gathered), waiting(gathered)
    failed = [card.entry for card in cards if card.failed] + list(gathered.failures)
    finished = len(cards) - sum(card.failed for card in cards)
    wanted = planned(gathered)
    seen = len(cards) + len(set(gathered.failures) | {p.entry for p in open_plans}) + gathered.pending
    total = seen if wanted is None else wanted
    state: State = "bad" if failed else "good" if finished >= total else "look"
    where = _wanted(gathered.limits, "energies_ev", "all planned") if wanted is not None else "of the scans given"
    detail = f"failed: {_few(failed)}" if failed else f"to do: {_few([p.entry for p in open_plans])}"
    if not failed and not open_plans:
        detail = "all done" if finished >= total else f"{total - finished} not measured yet"
    if gathered.pending and not failed:
        detail = f"{gathered.pending + len(open_plans)} to do"
    return Tile("Scans", f"{finished}/{total}", "", state, where, detail)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def drift_of(gathered: Gathered, moved: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Distance of every scan from the mean position of its polarisation, m; from align where it has run."""
    if gathered.shifts:
        found = {}
        for shifts in gathered.shifts.values():
            away = shifts.shift - np.nanmean(shifts.shift, axis=1, keepdims=True)
            for (i, j), value in np.ndenumerate(np.hypot(away[..., 0], away[..., 1])):
                if np.isfinite(value):
                    found[f"{shifts.energies_ev[j]:.1f} eV, {np.rad2deg(shifts.angles[i]):.0f}°"] = float(value)
        return found
    return {entry: float(np.hypot(*shift)) for entry, shift in moved.items()}


def _drift(limits: Limits, distance: Mapping[str, float]) -> Tile:
    wanted = 'no limit: --set drift="200 nm"'
    if limits.drift is not None:
        wanted = _wanted(limits, "drift", f"{length_text(limits.drift)} or less")
    if not distance:
        return Tile("Drift", "–", "", "open", wanted, "needs two scans of one polarisation")
    entry = max(distance, key=lambda name: distance[name])
    if not distance[entry] > 0:
        return Tile("Drift", "0", "nm", limits.judge(0.0, limits.drift), wanted, "nothing moved")
    number, unit = _parts(distance[entry])
    return Tile("Drift", number, unit, limits.judge(distance[entry], limits.drift), wanted,
                f"largest distance from the mean position: {entry}")  # fmt: skip


def misfit_limit(gathered: Gathered) -> float | None:
    """Largest Fourier error that is good."""
    if gathered.limits.fourier_error is not None:
        return gathered.limits.fourier_error
    errors = [card.misfit for card in gathered.cards.values() if card.misfit is not None]
    return gathered.limits.misfit_ratio * float(np.median(errors)) if len(errors) > 2 else None


def _misfit(gathered: Gathered) -> Tile:
    limits, limit = gathered.limits, misfit_limit(gathered)
    known = {card.entry: card.misfit for card in gathered.cards.values() if card.misfit is not None}
    if limits.fourier_error is not None:
        wanted = _wanted(limits, "fourier_error", f"{limits.fourier_error:.3g} or less")
    elif limit is not None:
        wanted = _wanted(limits, "misfit_ratio", f"{limits.misfit_ratio:g} x the median or less")
    else:
        wanted = "no limit: --set fourier_error=0.03"
    if not known:
        return Tile("Misfit", "–", "", "open", wanted, "no convergence in the files")
    entry = max(known, key=lambda name: known[name] or 0.0)
    return Tile("Misfit", f"{known[entry]:.3f}", "", limits.judge(known[entry], limit), wanted,
                f"largest Fourier error: {entry}")  # fmt: skip


def _dose(gathered: Gathered) -> Tile:
    limits, record = gathered.limits, max(gathered.doses.values(), key=lambda dose: dose.maximum_dose)
    wanted = 'no limit: --set dose="10 MGy"'
    if limits.dose is not None:
        wanted = _wanted(limits, "dose", f"{' '.join(_gray(limits.dose))} or less")
    state = limits.judge(record.maximum_dose, limits.dose)
    detail = f"largest on the sample, {_count(len(record.scan), 'scan')}"
    return Tile("Dose", *_gray(record.maximum_dose), state, wanted, detail)


def _gray(dose: float) -> tuple[str, str]:
    """A dose in three digits and the unit that suits it."""
    unit, scale = next(
        ((u, s) for u, s in (("GGy", 1e9), ("MGy", 1e6), ("kGy", 1e3)) if dose >= 0.9995 * s), ("Gy", 1.0)
    )
    return f"{dose / scale:.3g}", unit
