"""Spectral cubes as records: what a manifest changes, one cube a particle set, and where each projection came from."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.images.projection import Projection
from picpxct_nx.images.resample import FADE_PX, coordinates
from picpxct_nx.images.stack import ROLL_OFF, Stacked, StackOptions, stack
from picpxct_nx.manifest import Manifest, Row, match
from picpxct_nx.provenance import Input, step
from picpxct_nx.records import Record, SpectralCube, polarization_angle
from picpxct_nx.values import Room, Value, in_memory

# Where a cube keeps what a reconstruction keeps elsewhere.
_MOVED = {"sample/transformations/rotation": "sample/rotation_angle"}
# What all projections say alike is passed on.
_SHARED = ("experiment_identifier", "collection_identifier", "user/name", "user/affiliation", "user/ORCID")


@dataclass(frozen=True)
class Stated:
    """A manifest, what it was read from, and the sentences about what it changes."""

    manifest: Manifest
    source: Input

    def apply(self, projections: Sequence[Projection], note: Callable[[str], None]) -> list[Projection]:
        """The projections as the manifest knows them; `note` is told of every number that it changes.

        Raises
        ------
        InputError
            A row names none of them, or one of them has no row.
        """
        rows = match(self.manifest, [item.record.entry for item in projections])
        if self.manifest.unread:
            note(f"{self.manifest.name}: not read: {', '.join(self.manifest.unread)}")
        changed = []
        for item in projections:
            row = rows[item.record.entry]
            for text in _changes(item, row):
                note(f"{item.record.entry}: {text}, as the manifest says")
            changed.append(_changed(item, row))
        return changed


def _changes(item: Projection, row: Row) -> list[str]:
    texts = []
    if row.energy_ev is not None and row.energy_ev != item.record.energy_ev:
        texts.append(f"energy {row.energy_ev:.6g} eV instead of {item.record.energy_ev:.6g} eV")
    if row.rotation is not None and abs(row.rotation - item.record.rotation) > 1e-9:
        texts.append(
            f"rotation {np.rad2deg(row.rotation):.5g} deg instead of {np.rad2deg(item.record.rotation):.5g} deg"
        )
    return texts


def _changed(item: Projection, row: Row) -> Projection:
    energy = item.record.energy_ev if row.energy_ev is None else row.energy_ev
    rotation = item.record.rotation if row.rotation is None else row.rotation
    return replace(
        item, record=replace(item.record, energy_ev=energy, rotation=rotation), particle_set=row.particle_set
    )


def make_cubes(
    projections: Sequence[Projection],
    choice: StackOptions,
    stated: Stated | None,
    note: Callable[[str], None],
    room: Room = in_memory,
) -> list[SpectralCube]:
    """One cube for each particle set that the manifest names, or one of all; the projections lose their images.

    Cubes lie where `room` says.

    Raises
    ------
    InputError
        There is no projection, two have one name but are not the same, or they do not make a cube.
    """
    if not projections:
        raise InputError("found no reconstruction to stack; did every one fail?")
    distinct = _distinct(projections)
    known = distinct if stated is None else stated.apply(distinct, note)
    before = {item.record.entry: item for item in distinct}
    cubes = []
    for name in dict.fromkeys(item.particle_set for item in known):
        members = [item for item in known if item.particle_set == name]
        try:
            cubes.append(_make_cube(stack(members, choice, release=True, room=room), name, choice, (stated, before)))
        except InputError as error:
            if name is not None:
                error.args = (f"particle set {name}: {error}",)
            raise
    _check_names(cubes)
    return cubes


def _distinct(projections: Sequence[Projection]) -> list[Projection]:
    """The projections, each once."""
    found: dict[str, Projection] = {}
    for item in projections:
        old = found.setdefault(item.record.entry, item)
        if old.record.uuid != item.record.uuid:
            raise InputError(
                f"two reconstructions are called {item.record.entry}, and they are not the same; rename one, or leave "
                "one out with FILE::ENTRY"
            )
    return list(found.values())


def _entry(particle_set: str | None) -> str:
    return "cube" if particle_set is None else f"cube_{re.sub('[^A-Za-z0-9_]', '_', particle_set)}"[:63]


def _check_names(cubes: Sequence[SpectralCube]) -> None:
    names = [cube.entry for cube in cubes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two particle sets would both be called {twice}; use letters, digits and _ in their names")


def _make_cube(
    made: Stacked,
    particle_set: str | None,
    choice: StackOptions,
    origin: tuple[Stated | None, Mapping[str, Projection]],
) -> SpectralCube:
    stated, before = origin
    items = [item for places in made.members for group in places for item in group]
    first = items[0].record
    n_pol, n_e = made.valid.shape
    uuids = [[" ".join(item.record.uuid for item in group) for group in places] for places in made.members]
    cube = SpectralCube(
        entry=_entry(particle_set),
        title=f"{first.sample}{f', {particle_set}' if particle_set else ''}, {_count(n_e, 'energy', 'energies')}, "
        f"{_count(n_pol, 'polarisation', 'polarisations')}",
        stage="stacked",
        measured_energy_ev=made.measured_ev,
        stokes=made.stokes,
        sample=first.sample,
        formula=first.formula,
        rotation=made.rotation,
        transmission=made.transmission,
        polarization_angle=np.array(
            [polarization_angle(s, float(r)) for s, r in zip(made.stokes, made.rotation, strict=True)]
        ),
        energy_ev=made.energy_ev,
        y=coordinates(made.axes[0]),
        x=coordinates(made.axes[1]),
        valid=made.valid,
        known=made.known,
        air=made.air,
        phase=made.phase,
        extra={
            **_shared(items, particle_set),
            "projections/source_uuid": np.array(uuids, dtype=object),
            "projections/noise": made.noise,
        },
    )
    assumed = {
        _MOVED.get(str(p), str(p)) for item in items if item.record.assumed is not None for p in item.record.assumed
    }
    parameters = _parameters(made, choice) | _of_manifest(items, before, stated)
    sources = [item.source for item in items] + ([] if stated is None else [stated.source])
    newest = step("stack", parameters, sources)
    return cube.assuming(np.array(sorted(assumed), dtype=object)).made_by(newest, tuple(item.record for item in items))


def _shared(items: Sequence[Projection], particle_set: str | None) -> dict[str, Value]:
    """What all projections say alike of the experiment, and the particle set."""
    first = items[0].record
    shared: dict[str, Value] = {
        path: first.extra[path]
        for path in _SHARED
        if path in first.extra and all(item.record.extra.get(path) == first.extra[path] for item in items)
    }
    if particle_set is not None:
        shared["collection_identifier"] = particle_set
    return shared


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _parameters(made: Stacked, choice: StackOptions) -> dict[str, Value]:
    return {
        "energy_tolerance": choice.energy_tolerance_ev,
        "energy_tolerance@units": "eV",
        "angle_tolerance": choice.angle_tolerance,
        "angle_tolerance@units": "rad",
        "repeats": choice.repeats,
        "union": choice.union,
        "least_coverage": choice.least_coverage,
        "pixel": made.axes[0].step,
        "pixel@units": "m",
        "fade": FADE_PX,
        "fade@units": "pixel",
        "roll_off": ROLL_OFF,
    }


def _of_manifest(
    items: Sequence[Projection], before: Mapping[str, Projection], stated: Stated | None
) -> dict[str, Value]:
    """Which numbers a manifest changed: the scans, and what their files say."""
    values: dict[str, Value] = {"manifest": "none" if stated is None else "file"}
    old = {item.record.entry: before[item.record.entry].record for item in items}
    energy = [i.record.entry for i in items if i.record.energy_ev != old[i.record.entry].energy_ev]
    turned = [i.record.entry for i in items if i.record.rotation != old[i.record.entry].rotation]
    if energy:
        values["manifest_energy_of"] = np.array(energy, dtype=object)
        values["energy_in_file"] = np.array([old[name].energy_ev for name in energy])
        values["energy_in_file@units"] = "eV"
    if turned:
        values["manifest_rotation_of"] = np.array(turned, dtype=object)
        values["rotation_in_file"] = np.array([old[name].rotation for name in turned])
        values["rotation_in_file@units"] = "rad"
    return values


def sentence(cube: SpectralCube) -> str:
    """What the command says of a cube on stderr."""
    told = summary(cube)
    shape = " x ".join(str(n) for n in told["shape"])
    angles = ", ".join(f"{angle:.4g}" for angle in told["polarisation_deg"])
    known = ", ".join(f"{part:.0%}" for part in told["known_fraction"])
    return (
        f"{cube.entry}: {shape}, {told['energy_ev'][0]:.6g} to {told['energy_ev'][-1]:.6g} eV, polarisation {angles} "
        f"deg; pixels of {told['pixel_m'] * 1e9:.4g} nm, {known} known"
        + (f"; {told['missing']} projections are missing" if told["missing"] else "")
    )


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a cube."""
    assert isinstance(record, SpectralCube)  # noqa: S101  # the command made it
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "shape": list(record.transmission.shape),
        "pixel_m": float(record.y[1] - record.y[0]),
        "energy_ev": [float(e) for e in record.energy_ev],
        "polarisation_deg": [float(a) for a in np.rad2deg(record.polarization_angle)],
        "known_fraction": [float(k) for k in np.asarray(record.known).mean(axis=(1, 2))],
        "missing": int(np.sum(~np.asarray(record.valid))),
    }
