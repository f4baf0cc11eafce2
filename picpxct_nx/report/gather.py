"""Gathering: records of any kind, one by one, into what a report shows; nothing large is kept."""

import dataclasses
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from picpxct_nx.records import (
    DoseMap,
    FrcCurve,
    GrainMap,
    NormalizedCube,
    Reconstruction,
    Record,
    Scan,
    SpectralCube,
    Spectrum,
)
from picpxct_nx.report.cards import Card, Plan, card_of, plan_of
from picpxct_nx.report.limits import Limits, of_file
from picpxct_nx.report.redo import filled
from picpxct_nx.report.spectral import Stack, stack_of
from picpxct_nx.stages import STEPS
from picpxct_nx.values import Array


@dataclass(frozen=True)
class Shifts:
    """How far align moved every image, and register every polarisation: m, rad; missing ones are NaN."""

    energies_ev: Array
    angles: Array
    shift: Array  # (polarisations, energies, 2)
    sigma: Array
    misfit: Array  # (polarisations, energies)
    registration: tuple[str, ...]  # a sentence a polarisation


@dataclass
class Gathered:
    """What is known so far. Entries that come again replace what they were."""

    limits: Limits = field(default_factory=Limits)
    plans: dict[str, Plan] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    curves: dict[str, FrcCurve] = field(default_factory=dict)
    stacks: dict[str, Stack] = field(default_factory=dict)
    shifts: dict[str, Shifts] = field(default_factory=dict)
    grains: dict[str, GrainMap] = field(default_factory=dict)
    doses: dict[str, DoseMap] = field(default_factory=dict)
    spectra: dict[str, Spectrum] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    pending: int = 0  # scans that are there and were not looked into yet
    records: list[tuple[str, str, Record]] = field(default_factory=list)  # file, definition, bare record

    def add(self, record: Record, file: str) -> None:
        """Take what the report shows of a record; the file of a record with lazy arrays must be open."""
        self.limits = of_file(self.limits, record)
        self.failures.pop(record.entry, None)
        if isinstance(record, Scan):
            self.plans[record.uuid] = plan_of(record, f"{file}::{record.entry}")
        elif isinstance(record, Reconstruction):
            self.cards[record.entry] = card_of(record, file)
        elif isinstance(record, FrcCurve):
            self.curves[record.uuid] = record
        elif isinstance(record, SpectralCube | NormalizedCube):
            self._add_cube(record)
        elif isinstance(record, GrainMap):
            self.grains[record.entry] = record
        elif isinstance(record, DoseMap):
            self.doses[record.entry] = record
        elif isinstance(record, Spectrum):
            self.spectra[record.entry] = record
        self._remember(record, file)

    def fail(self, entry: str, why: str) -> None:
        """Take note of a scan that could not be read or reconstructed."""
        self.failures[entry] = why

    def _add_cube(self, record: SpectralCube | NormalizedCube) -> None:
        key = f"{record.entry} {record.DEFINITION}"
        known, order = self.stacks.get(key), list(STEPS)
        if isinstance(record, NormalizedCube) or known is None or order.index(record.stage) >= order.index(known.stage):
            self.stacks[key] = stack_of(record)
        if "projections/shift" in record.extra:
            self.shifts[record.entry] = _shifts(record)

    def _remember(self, record: Record, file: str) -> None:
        bare = Record(entry=record.entry, title=record.title, uuid=record.uuid, history=record.history)
        self.records = [item for item in self.records if item[2].uuid != record.uuid]
        self.records.append((file, record.DEFINITION, bare))


def _shifts(record: SpectralCube | NormalizedCube) -> Shifts:
    shift = np.asarray(record.extra["projections/shift"], np.float64)
    empty = np.full(shift.shape, np.nan)
    return Shifts(
        np.asarray(record.energy_ev, float), np.asarray(record.polarization_angle, float), shift,
        np.asarray(record.extra.get("projections/shift_errors", empty), np.float64),
        np.asarray(record.extra.get("projections/misfit", empty[..., 0]), np.float64), _registration(record),
    )  # fmt: skip


def _registration(record: SpectralCube | NormalizedCube) -> tuple[str, ...]:
    extra = record.extra
    if "registration/rotation" not in extra:
        return ()
    turn, shift = (np.asarray(extra[f"registration/{name}"], np.float64) for name in ("rotation", "shift"))
    errors = np.asarray(extra.get("registration/rotation_errors", np.full(turn.shape, np.nan)), np.float64)
    found = []
    for i, angle in enumerate(record.polarization_angle):
        turned = round(float(np.rad2deg(turn[i])), 3) + 0.0
        sigma = f" ± {np.rad2deg(errors[i]):.3f}" if np.isfinite(errors[i]) and errors[i] > 0 else ""
        found.append(
            f"polarisation {np.rad2deg(float(angle)):.1f}°: images turned by {turned:.3f}{sigma}° and "
            f"moved by {shift[i, 0] * 1e9:+.1f}, {shift[i, 1] * 1e9:+.1f} nm (y, x)"
        )
    return tuple(found)


def done(gathered: Gathered) -> list[Card]:
    """The reconstructions in the order of polarisation and energy, with their raw scans named where these are known."""
    plans, shared = gathered.plans, Counter(file for file, _, _ in gathered.records)
    named = []
    for card in gathered.cards.values():
        plan = next((plans[uuid] for uuid in card.source if uuid in plans), None)
        # A file of many entries, or a pipe, is not written to again.
        alone = shared[card.file] == 1 and card.file != "stdin"
        target = card.file if alone else f"{card.entry}_again.nxs"
        redo = filled(card.redo, None if plan is None else plan.file, target, overwrite=alone)
        named.append(dataclasses.replace(card, redo=redo))
    return sorted(named, key=lambda card: (round(float(np.rad2deg(card.angle))) % 180, card.energy_ev, card.entry))


def waiting(gathered: Gathered) -> list[Plan]:
    """Raw scans of which there is no reconstruction."""
    used = {uuid for card in gathered.cards.values() for uuid in card.source}
    names = set(gathered.cards)
    return [plan for uuid, plan in gathered.plans.items() if uuid not in used and plan.entry not in names]
