"""Metadata for SciCat as PSI's datasetIngestor reads it: one raw and one derived data set.

Field names are those of PSI's ingest manual. SciCat converts units with mathjs, which knows neither `pixel` nor
`count`, and PSI's tool refuses keys with . [ ] $ < or >: units that it does not know go into the key, dots become _.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from picpxct_nx import __version__
from picpxct_nx.deposit import terms
from picpxct_nx.deposit.crate import plain
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.lineage import Action, Lineage
from picpxct_nx.deposit.metadata import Metadata, Person, SciCat
from picpxct_nx.deposit.survey import Held, times
from picpxct_nx.values import Value

# Units of ours that mathjs converts, each tried; the others stand in the name of the value.
MATHJS = frozenset({
    "m", "nm", "um", "mm", "cm", "m^2", "um^2", "cm^2", "m^3", "s", "ms", "1/s", "Hz", "1/m", "1/um", "1/nm", "kg",
    "g", "kg/m^3", "g/cm^3", "A", "mA", "K", "rad", "mrad", "deg", "sr", "J", "eV", "keV", "W", "N", "Pa", "C", "V",
    "angstrom", "1/angstrom", "m^2/kg", "1/m^2",
})  # fmt: skip
_LIMIT_FILES, _LIMIT_BYTES = 400_000, 50 * 10**12
_SUFFIX = re.compile(r"(?P<name>.+)_(?P<unit>ev|deg|m|s|gy|m2|per_m2)\Z")
_UNITS = {"ev": "eV", "deg": "deg", "m": "m", "s": "s", "m2": "m^2"}


def datasets(
    metadata: Metadata, lineage: Lineage, files: Mapping[str, Sequence[tuple[str, int]]]
) -> dict[str, dict[str, Any]]:
    """The contents of metadata.json, by kind of the data set; none where SciCat is not asked for.

    Parameters
    ----------
    metadata : Metadata
    lineage : Lineage
    files : mapping
        Name and length of the files of each kind.
    """
    if metadata.scicat is None:
        return {}
    made = {}
    held = [one for _, one in lineage.held.values()]
    for kind in ("raw", "derived"):
        mine = [one for one in held if one.raw == (kind == "raw")]
        if mine and files.get(kind):
            special = _raw(metadata, mine) if kind == "raw" else _derived(metadata, lineage, files)
            made[kind] = _base(metadata, metadata.scicat, kind, mine) | special
    return made


def _base(metadata: Metadata, scicat: SciCat, kind: str, held: Sequence[Held]) -> dict[str, Any]:
    first = metadata.creators[0]
    span = times(held) or (metadata.date + "T00:00:00+00:00",) * 2
    made: dict[str, Any] = {
        "type": kind,
        "sourceFolder": f"{scicat.source_folder}/data/{kind}",
        "datasetName": f"{metadata.title} ({kind})",
        "description": metadata.description,
        "owner": scicat.owner,
        "ownerEmail": scicat.contact_email,
        "contactEmail": scicat.contact_email,
        "ownerGroup": scicat.owner_group,
        "creationTime": span[1] if kind == "raw" else _newest(held),
        "license": metadata.licence,
        "isPublished": False,
        "keywords": [*metadata.keywords, *(terms.TECHNIQUES[term] for term in metadata.techniques)],
        "techniques": [
            {"pid": terms.technique_iri(term), "name": terms.TECHNIQUES[term]} for term in metadata.techniques
        ],
        "scientificMetadata": scientific(held) | _things(metadata),
    }
    if first.orcid:
        made["orcidOfOwner"] = _orcid_of(scicat.owner, metadata.creators) or first.orcid
    if scicat.access_groups:
        made["accessGroups"] = list(scicat.access_groups)
    return made


def _things(metadata: Metadata) -> dict[str, str]:
    """Persistent identifiers of samples and instruments; the catalogue has identifiers of its own for both."""
    rows = {"sample_igsn": metadata.samples, "instrument_pid": metadata.instruments}
    named = {name: ", ".join(one.pid.url for one in things if one.pid) for name, things in rows.items()}
    return {name: text for name, text in named.items() if text}


def _orcid_of(owner: str, people: Iterable[Person]) -> str | None:
    return next((person.orcid for person in people if person.name == owner), None)


def _newest(held: Sequence[Held]) -> str:
    return max(one.history[-1].date for one in held if one.history)


def _raw(metadata: Metadata, held: Sequence[Held]) -> dict[str, Any]:
    assert metadata.scicat is not None  # noqa: S101  # the caller looked
    span = times(held)
    made = {
        "principalInvestigator": metadata.scicat.principal_investigator,
        "creationLocation": metadata.scicat.creation_location,
        "dataFormat": f"NeXus/HDF5, {', '.join(sorted({one.definition for one in held}))}",
    }
    if span is not None:
        made["endTime"] = span[1]
    if metadata.scicat.proposal:
        made["proposalId"] = metadata.scicat.proposal
    return made


def _derived(metadata: Metadata, lineage: Lineage, files: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, Any]:
    scicat = metadata.scicat
    assert scicat is not None  # noqa: S101  # the caller looked
    inputs = [*scicat.input_datasets, *(place or key for key, place in sorted(lineage.external.items()))]
    if not scicat.input_datasets:
        folder = PurePosixPath(scicat.source_folder) / "data" / "raw"
        inputs += [str(folder / name) for name, _ in files.get("raw", ())]
    programs = sorted({(a.step.program, a.step.version) for a in lineage.actions.values()})
    return {
        "investigator": scicat.principal_investigator,
        "inputDatasets": inputs,
        "usedSoftware": [f"{name} {version}" for name, version in programs] or [f"picpxct_nx {__version__}"],
        "jobParameters": job(lineage),
    }


def job(lineage: Lineage) -> dict[str, Any]:
    """Parameters of every command that was run, those that several runs of a command share once."""
    made: dict[str, Any] = {}
    for action in lineage.ordered:
        shown = parameters(action)
        known = made.setdefault(key(action.step.command), [])
        if shown not in known:
            known.append(shown)
    return {name: rows[0] if len(rows) == 1 else rows for name, rows in made.items()}


def parameters(action: Action) -> dict[str, Any]:
    """Parameters of one action with units that SciCat knows."""
    values = action.step.parameters
    found: dict[str, Any] = {}
    for name, value in values.items():
        if "@" not in name:
            found |= quantity(name, value, str(values.get(f"{name}@units", "")))
    return found


def quantity(name: str, value: Value, unit: str) -> dict[str, Any]:
    """One value for SciCat, `{"value": ..., "unit": ...}`; a unit that mathjs does not know goes into the name."""
    shown = plain(value)
    if not unit or isinstance(shown, str):
        return {key(f"{name}_{unit}" if unit else name): shown}
    if unit not in MATHJS:
        return {key(f"{name}_{unit}"): shown}
    return {key(name): {"value": shown, "unit": unit}}


def key(name: str) -> str:
    """A name as SciCat takes it."""
    return re.sub(r"[^A-Za-z0-9_ -]+", "_", name).strip("_")


def scientific(held: Sequence[Held]) -> dict[str, Any]:
    """What the entries are about: what all say alike once, numbers that differ as their range."""
    made: dict[str, Any] = {"entries": len(held), "definitions": ", ".join(sorted({one.definition for one in held}))}
    names = dict.fromkeys(name for one in held for name in one.facts)
    for name in names:
        if name in ("entry", "definition", "title", "uuid", "assumed", "warnings"):
            continue
        values = [one.facts[name] for one in held if one.facts.get(name) not in (None, [])]
        made |= _merged(name, values)
    return made


def _merged(name: str, values: Sequence[Any]) -> dict[str, Any]:
    found = _SUFFIX.match(name)
    bare, unit = (found["name"], _UNITS.get(found["unit"], "")) if found and found["unit"] in _UNITS else (name, "")
    distinct = list(dict.fromkeys(str(value) for value in values))
    if not values:
        return {}
    numbers = [
        float(item) for value in values for item in (value if isinstance(value, list) else [value]) if _real(item)
    ]
    count = sum(len(value) if isinstance(value, list) else 1 for value in values)
    if len(distinct) > 1 and len(numbers) == count:
        return _one(f"{bare}_min", min(numbers), unit) | _one(f"{bare}_max", max(numbers), unit)
    if len(distinct) > 1:
        return {key(name): ", ".join(distinct[:20])}
    first = values[0]
    if isinstance(first, list):
        return {key(name): ", ".join(str(item) for item in first)}
    return _one(bare, first, unit) if _real(first) else {key(name): first}


def _real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _one(name: str, value: Any, unit: str) -> dict[str, Any]:
    return {key(name): {"value": value, "unit": unit} if unit else value}


def check(files: Mapping[str, Sequence[tuple[str, int]]]) -> list[Fault]:
    """Why the catalogue would not take the files: too many, or too much."""
    faults = []
    for kind, rows in files.items():
        if len(rows) > _LIMIT_FILES:
            faults.append(Fault(kind, "SCICAT", f"holds {len(rows)} files; SciCat takes {_LIMIT_FILES} a data set"))
        total = sum(size for _, size in rows)
        if total > _LIMIT_BYTES:
            faults.append(Fault(kind, "SCICAT", f"holds {total} bytes; SciCat takes {_LIMIT_BYTES} a data set"))
    return faults


def commands(folder: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """What a user types at PSI: for each data set a dry run, then the ingestion."""
    paths = [f"{folder}/data/scicat/{kind}/metadata.json" for kind in kinds]
    return tuple(line for path in paths for line in (f"datasetIngestor {path}", f"datasetIngestor --ingest {path}"))
