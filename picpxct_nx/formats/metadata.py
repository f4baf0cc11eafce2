"""Metadata that the user states with --set and --assume: names, units, and what a scan cannot do without."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from picpxct_nx import nxdl, units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.nxdl import Node
from picpxct_nx.records import Reconstruction, Scan, Spectrum, paths
from picpxct_nx.values import Value

ENCODER = "instrument/monochromator/energy"
OFFSET = "instrument/monochromator/energy_offset"
INCIDENT = "instrument/beam/incident_energy"
STOKES = "instrument/beam/incident_polarization_stokes"
DISTANCE = "instrument/detector/distance"
Y_PIXEL, X_PIXEL = "instrument/detector/y_pixel_size", "instrument/detector/x_pixel_size"
SATURATION = "instrument/detector/saturation_value"
MONITOR = "control/data"

SHORT_NAMES: Mapping[str, tuple[str, ...]] = {
    "energy": (ENCODER,),
    "energy_offset": (OFFSET,),
    "distance": (DISTANCE,),
    "pixel_size": (Y_PIXEL, X_PIXEL),
    "stokes": (STOKES,),
    "rotation": ("sample/transformations/rotation",),
    "count_time": ("instrument/detector/count_time",),
    "sample": ("sample/name",),
    "formula": ("sample/chemical_formula",),
    "instrument": ("instrument/name",),
    "source": ("instrument/source/name",),
    "start_time": ("start_time",),
    "title": ("title",),
    "defocus": ("instrument/zone_plate/defocus",),
    "zone_plate_diameter": ("instrument/zone_plate/outer_diameter",),
    "outermost_zone_width": ("instrument/zone_plate/outermost_zone_width",),
    "central_stop_diameter": ("instrument/zone_plate/central_stop_diameter",),
    "monitor": (MONITOR,),
}
# The name of the entry, which is no field.
ENTRY = "entry"
# What else may be stated that is no field: the ranges of frames and positions to take.
RANGES = ("frames", "positions")

# What the import itself makes: arrays, their axes, names and history.
MADE = frozenset({
    "entry_identifier_uuid", "assumed", "definition", "instrument/detector/data", "instrument/detector/pixel_mask",
    "instrument/detector/beam_center_x", "instrument/detector/beam_center_y", "data/frame",
    "sample/transformations/x", "sample/transformations/y", "start_probe/probe", "start_probe/y", "start_probe/x",
    *Scan.LINKS,
})  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What can be stated of a product: its definition, short names of its fields, and what the import itself makes."""

    definition: str
    short: Mapping[str, tuple[str, ...]]
    made: frozenset[str]

    def fields(self) -> dict[str, Node]:
        """Fields that can be stated, by path."""
        return {
            path: node
            for path, node in nxdl.table(self.definition).items()
            if node.kind == "field" and node.fixed() is None and "(" not in path and path not in self.made
        }


SCAN = Names(Scan.DEFINITION, SHORT_NAMES, MADE)
RECONSTRUCTION = Names(
    Reconstruction.DEFINITION,
    {
        "energy": (INCIDENT,),
        **{name: SHORT_NAMES[name] for name in ("stokes", "rotation", "sample", "formula", "title", "start_time")},
    },
    frozenset({"entry_identifier_uuid", "assumed", "stage", "phase_convention", *Reconstruction.LINKS})
    | {path for path in paths(Reconstruction) if path.startswith(("object/", "phase/", "probe/", "positions/"))}
    | {path for path in paths(Reconstruction) if path.startswith(("background/", "variation/", "convergence/"))},
)
SPECTRUM = Names(
    Spectrum.DEFINITION,
    {
        "element": ("element",), "edge": ("edge",), "mode": ("mode",), "edge_energy": ("edge_energy",),
        **{name: SHORT_NAMES[name] for name in ("sample", "formula", "title", "start_time", "instrument", "source")},
    },
    frozenset({"entry_identifier_uuid", "assumed"})
    | {path for path in nxdl.table(Spectrum.DEFINITION) if path.startswith("spectrum/")},
)  # fmt: skip
POSITIVE = frozenset({ENCODER, INCIDENT, DISTANCE, Y_PIXEL, X_PIXEL, "instrument/detector/count_time", SATURATION})
_TRUTH = {"true": True, "false": False, "yes": True, "no": False}

# Lengths that the user chooses; any other is the number of frames.
FREE = ("nPlanned", "nTurns")


@dataclass(frozen=True)
class Settings:
    """What the user stated: values by path in the definition's units, which were assumed, and the entry's name."""

    values: Mapping[str, Value]
    assumed: frozenset[str]
    entry: str | None


def settings(given: Mapping[str, str], assumed: Mapping[str, str], frames: int, names: Names = SCAN) -> Settings:
    """The values of --set (`given`) and --assume (`assumed`), by short name or path, for a scan of `frames` frames.

    Raises
    ------
    UsageError
        A name is unknown or stated twice, or a value lacks its unit or has one of another dimension.
    """
    values: dict[str, Value] = {}
    for name, text in [*given.items(), *assumed.items()]:
        for path in () if name in (ENTRY, *RANGES) else _paths(name, names):
            if path in values:
                raise UsageError(f"--set or --assume {name}: {path} is stated twice; state it once")
            values[path] = parse_value(name, path, text, frames, names)
    chosen = next((name for name in (ENTRY, *RANGES) if name in assumed), None)
    if chosen is not None:
        raise UsageError(f"--assume {chosen}: it is chosen, not measured; use --set {chosen}=...")
    paths = frozenset(path for name in assumed for path in _paths(name, names))
    return Settings(values, paths, given.get(ENTRY))


def is_known(name: str) -> bool:
    """Whether a name can be stated, of a scan or of a reconstruction."""
    return name in (ENTRY, *RANGES) or any(
        name in each.short or name in each.fields() for each in (SCAN, RECONSTRUCTION, SPECTRUM)
    )


def check_text(name: str, text: str) -> None:
    """Stop at a text that cannot be the value of a known name, before any file is read.

    Raises
    ------
    UsageError
        It has no unit where one is needed, a wrong one, or is not of the field's type.
    """
    if name in (ENTRY, *RANGES):
        return
    names = next(each for each in (SCAN, RECONSTRUCTION, SPECTRUM) if name in each.short or name in each.fields())
    for path in _paths(name, names):
        # How many frames a scan has is not known yet.
        if all(isinstance(length, int) for length in names.fields()[path].dims or ()):
            parse_value(name, path, text, 0, names)


def _paths(name: str, names: Names) -> tuple[str, ...]:
    if name in names.short:
        return names.short[name]
    if name in names.fields():
        return (name,)
    if name in names.made:
        raise UsageError(f"'{name}' cannot be set: the import makes it from the arrays; see --map and --center")
    raise UsageError(
        f"unknown name '{name}'; use {', '.join([*names.short, ENTRY])}, or a path of {names.definition} such as "
        "experiment_identifier"
    )


def parse_value(name: str, path: str, text: str, frames: int, names: Names = SCAN) -> Value:
    """The value that a text gives a field of the definition, in the definition's unit.

    Raises
    ------
    UsageError
        The text has no unit where one is needed, a wrong one, or is not of the field's type or length.
    """
    node, text = names.fields()[path], text.strip()
    if not text:
        raise UsageError(f"{name}: is empty; write {name}=VALUE")
    try:
        value = _number(node, text, frames) if _is_numeric(node) else _word(node, text)
    except (UsageError, ValueError) as error:
        raise UsageError(f"{name}: {error}") from None
    if path in POSITIVE and not (np.isfinite(value) and value > 0):  # type: ignore[operator,arg-type]
        raise UsageError(f"{name}: '{text}' is not positive; check the value")
    if path == STOKES:
        _check_stokes(name, value)
    return value


def _is_numeric(node: Node) -> bool:
    return node.type in ("NX_FLOAT", "NX_NUMBER", "NX_INT", "NX_POSINT", "NX_UINT")


def _number(node: Node, text: str, frames: int) -> Value:
    wanted = nxdl.unit_text(node) or ""
    if node.dims is None:
        if node.type in ("NX_INT", "NX_POSINT", "NX_UINT") or (node.type == "NX_NUMBER" and text.isdecimal()):
            return int(text)
        return units.quantity(text, wanted)
    numbers = [units.quantity(item, wanted) for item in text.split(",")]
    shape = tuple(n if isinstance(n, int) else len(numbers) if n in FREE else frames for n in node.dims)
    if len(numbers) != int(np.prod(shape)):
        raise UsageError(f"{len(numbers)} numbers; wanted {int(np.prod(shape))}, separated by commas")
    return np.array(numbers).reshape(shape)


def _word(node: Node, text: str) -> Value:
    if node.type == "NX_BOOLEAN":
        if text.lower() not in _TRUTH:
            raise UsageError(f"'{text}' is neither true nor false")
        return _TRUTH[text.lower()]
    if node.type == "NX_DATE_TIME":
        when = datetime.fromisoformat(text)
        if when.tzinfo is None or "T" not in text:
            raise UsageError(f"'{text}' has no time zone; write ISO 8601 such as 2026-05-01T08:00:00+02:00")
        return when.isoformat()
    if node.items and not node.open_items and text not in node.items:
        raise UsageError(f"'{text}' is none of {', '.join(str(item) for item in node.items)}")
    return text


def _check_stokes(name: str, value: Value) -> None:
    i, q, u, v = np.asarray(value, np.float64).reshape(4)
    if i != 1 or not q * q + u * u + v * v <= 1 + 1e-9:
        raise UsageError(f"{name}: (I, Q, U, V) = ({i:g}, {q:g}, {u:g}, {v:g}); wanted I = 1 and Q^2 + U^2 + V^2 <= 1")


def complete_energy(values: dict[str, Value], assumed: set[str]) -> list[str]:
    """Add the incident energy to the values, encoder plus offset, and what is assumed with it; sentences about it.

    Raises
    ------
    UsageError
        An incident energy is stated that is not that sum.
    """
    if ENCODER not in values:
        return []
    offset = values.get(OFFSET)
    total = float(np.asarray(values[ENCODER])) + (float(np.asarray(offset)) if offset is not None else 0.0)
    stated = values.get(INCIDENT)
    if stated is not None and abs(float(np.asarray(stated)) - total) > 1e-6 * total:
        raise UsageError(f"{INCIDENT}: {stated} eV is stated, but energy and energy_offset add up to {total:.9g} eV")
    values[INCIDENT] = total
    if {ENCODER, OFFSET} & assumed:
        assumed.add(INCIDENT)
    return [] if offset is not None else ["no energy_offset was given: the encoder's energy is taken as calibrated"]


def check_complete(values: Mapping[str, Value], name: str, names: Names = SCAN) -> None:
    """Stop where a required field has no value, naming every one of them and the option that gives it.

    Raises
    ------
    InputError
        A field of the definition is missing, also one of an optional group that has begun.
    """
    groups = {path: node for path, node in nxdl.table(names.definition).items() if node.kind == "group"}
    missing = []
    for path, node in names.fields().items():
        parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        wanted = all(
            groups[parent].presence == "required" or any(p.startswith(f"{parent}/") for p in values)
            for parent in parents
        )
        if wanted and node.presence == "required" and path not in values:
            missing.append(path)
    if missing:
        # The incident energy follows from the encoder's.
        named = dict.fromkeys(_option(path, names) for path in missing if path != INCIDENT or ENCODER not in missing)
        count = f"{len(named)} needed {'values are' if len(named) > 1 else 'value is'}"
        raise InputError(
            f"{name}: {count} neither in the file nor given, and nothing is made up: add {' '.join(named)} "
            "(--assume instead of --set for what nobody measured)"
        )


def _option(path: str, names: Names) -> str:
    """The option that gives the field of a path."""
    short = next((name for name, found in names.short.items() if path in found), path)
    node = names.fields()[path]
    if path == STOKES:
        example = "I,Q,U,V"
    elif node.type == "NX_DATE_TIME":
        example = "TIME"
    elif _is_numeric(node):
        unit = nxdl.unit_text(node)
        return f'--set "{short}=NUMBER {unit}"' if unit else f"--set {short}=NUMBER"
    else:
        example = "TEXT"
    return f"--set {short}={example}"
