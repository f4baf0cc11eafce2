"""The research object crate: RO-Crate 1.1 with the profile Process Run Crate 0.5, as JSON-LD.

RO-Crate: Soiland-Reyes et al., Data Science 5 (2022) 97, doi:10.3233/DS-210053; Process Run Crate: Leo et al., PLoS
ONE 19 (2024) e0309210, doi:10.1371/journal.pone.0309210. Of all versions of both, these two are the ones that each
shipped profile of the validators takes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from picpxct_nx.deposit import entities, software
from picpxct_nx.deposit.entities import Entity, Graph
from picpxct_nx.deposit.lineage import Action, Lineage
from picpxct_nx.deposit.metadata import Metadata
from picpxct_nx.deposit.survey import Held, Holding
from picpxct_nx.provenance import Input
from picpxct_nx.values import Value

DESCRIPTOR = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
RO_CRATE = "https://w3id.org/ro/crate/1.1"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
# HDF5 in the registry of file formats of the UK National Archives.
PRONOM = "https://www.nationalarchives.gov.uk/PRONOM/fmt/807"
NEXUS = "https://www.nexusformat.org/"
HDF5_TYPE = "application/x-hdf5"
_TYPES = {
    ".json": "application/json", ".xml": "application/xml", ".md": "text/markdown", ".html": "text/html",
    ".png": "image/png", ".txt": "text/plain", ".cff": "application/yaml", ".csv": "text/csv",
    ".sh": "text/x-shellscript",
    ".toml": "application/toml", ".npy": "application/octet-stream", ".npz": "application/octet-stream",
}  # fmt: skip

# What is said of inputs that a depositor listed as external, and of files from which raw entries were imported.
_ELSEWHERE, _FOREIGN = "an input that is kept elsewhere", "a foreign file, known by the SHA-256 of its bytes"


@dataclass(frozen=True)
class Stored:
    """A file of the deposit below `data/`: its bytes by length and hash, and what it is.

    `about` is one sentence on what it is; `holding` what was found in it, where it is one of the inputs.
    """

    name: str
    size: int
    sha256: str
    about: str
    holding: Holding | None = None


def crate(metadata: Metadata, lineage: Lineage, files: Sequence[Stored], commands: Mapping[str, str]) -> Entity:
    """The crate as a JSON-LD document.

    Parameters
    ----------
    metadata : Metadata
    lineage : Lineage
        What made what.
    files : sequence of Stored
        Every file below `data/` but the document itself.
    commands : mapping
        Command line of an action by its output, where one is known.
    """
    graph = Graph()
    graph.add({
        "@id": DESCRIPTOR, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": RO_CRATE},
    })  # fmt: skip
    root: Entity = {"@id": "./"}
    graph.entities["./"] = root
    root |= _root(graph, metadata)
    root["hasPart"] = [_file(graph, stored) for stored in files]
    actions = [_action(graph, action, (metadata, lineage, commands)) for action in lineage.ordered]
    root["mentions"] = entities.one_or_many(actions)
    return {
        "@context": [CONTEXT, {"sha256": "https://schema.org/sha256"}],
        "@graph": [{k: v for k, v in one.items() if v not in (None, [], "")} for one in graph.entities.values()],
    }


def _root(graph: Graph, made: Metadata) -> Entity:
    techniques = [entities.technique(graph, term) for term in made.techniques]
    return {
        "@type": "Dataset",
        "name": made.title,
        "description": made.description,
        "datePublished": made.date,
        "license": entities.licence(graph, made.licence),
        "conformsTo": graph.add({
            "@id": PROCESS, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5",
        }),
        "identifier": made.doi.url if made.doi else None,
        "author": entities.one_or_many([entities.person(graph, person) for person in made.creators]),
        "contributor": entities.one_or_many([entities.person(graph, person) for person in made.contributors]),
        "publisher": entities.institution(graph, made.publisher),
        "funding": entities.one_or_many([entities.grant(graph, one) for one in made.funding]),
        "keywords": ", ".join(made.keywords),
        "inLanguage": made.language,
        "version": made.version,
        "about": entities.one_or_many([*techniques, *(entities.sample(graph, one) for one in made.samples)]),
        "citation": entities.one_or_many([entities.related(graph, one.pid.url, one.relation) for one in made.related]),
        "isBasedOn": entities.one_or_many([
            entities.related(graph, one.pid.url, one.relation) for one in made.related
            if one.relation in ("IsDerivedFrom", "Requires", "Continues")
        ]),
        "measurementTechnique": entities.one_or_many(techniques),
        "instrument": entities.one_or_many([
            entities.instrument(graph, one, made.facility) for one in made.instruments
        ]),
    }  # fmt: skip


def _file(graph: Graph, stored: Stored) -> Entity:
    entity: Entity = {
        "@id": stored.name, "@type": "File", "name": stored.name.rpartition("/")[2], "description": stored.about,
        "contentSize": str(stored.size), "sha256": stored.sha256,
    }  # fmt: skip
    holding = stored.holding
    if holding is None or not holding.entries:
        suffix = "." + stored.name.rpartition(".")[2]
        entity["encodingFormat"] = _TYPES.get(suffix, "application/octet-stream")
        return graph.add(entity)
    pronom = graph.add(
        {"@id": PRONOM, "@type": "WebSite", "name": "Hierarchical Data Format File, version 2 (HDF5)", "url": PRONOM}
    )
    entity["encodingFormat"] = [HDF5_TYPE, pronom]
    definitions = sorted({held.definition for held in holding.entries})
    entity["conformsTo"] = entities.one_or_many([{"@id": f"schemas/{name}.nxdl.xml"} for name in definitions])
    entity["hasPart"] = entities.one_or_many([_entry(graph, held, stored.name) for held in holding.entries])
    return graph.add(entity)


def _entry(graph: Graph, held: Held, file: str) -> Entity:
    return graph.add({
        "@id": f"urn:uuid:{held.uuid}", "@type": "CreativeWork", "name": held.title,
        "description": f"entry {held.entry} of {file}, {held.definition} {held.version}",
        "isPartOf": {"@id": file},
        "identifier": _content(graph, held.digest),
    })  # fmt: skip


def _content(graph: Graph, digest: str) -> Entity:
    return graph.add({
        "@id": f"#content-{digest[:16]}", "@type": "PropertyValue", "name": "digest of the content",
        "propertyID": "sha256 over names, shapes, types and values, without UUID and history", "value": digest,
    })  # fmt: skip


def _action(graph: Graph, action: Action, known: tuple[Metadata, Lineage, Mapping[str, str]]) -> Entity:
    metadata, lineage, commands = known
    step = action.step
    line = commands.get(action.output)
    description = f"{line}" if line else f"picpxct {step.command}, parameters as given by object"
    objects = [
        *(part for one in step.inputs for part in (*_files_of(one.uuid, lineage), _source(graph, one, lineage))),
        *_parameters(graph, step.command, step.parameters),
    ]
    return graph.add({
        "@id": f"#action-{action.output}", "@type": "CreateAction", "name": f"picpxct {step.command}",
        "description": description,
        "instrument": _program(graph, step.program, step.version),
        "object": entities.one_or_many(objects),
        "result": entities.one_or_many([*_files_of(action.output, lineage), _product(graph, action.output, lineage)]),
        "endTime": _moment(step.date),
        "agent": entities.person(graph, metadata.creators[0]),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    })  # fmt: skip


def _program(graph: Graph, name: str, version: str) -> Entity:
    """The program, and what it needs; those versions are known of the machine that made the deposit."""
    packages = software.versions().items() if f"{software.HOME}{version}/" not in graph.entities else ()
    return graph.add({
        "@id": f"{software.HOME}{version}/", "@type": "SoftwareApplication", "name": name, "softwareVersion": version,
        "url": f"{software.HOME}{version}/",
        "softwareRequirements": entities.one_or_many([
            graph.add({
                "@id": f"{software.INDEX}{package}/{number}/", "@type": "SoftwareApplication", "name": package,
                "softwareVersion": number, "url": f"{software.INDEX}{package}/{number}/",
                "description": "as installed where the deposit was made",
            })
            for package, number in packages
        ]),
    })  # fmt: skip


def _moment(text: str) -> str | None:
    """A time to the second with a numeric zone."""
    try:
        return datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return None


def _product(graph: Graph, uuid: str, lineage: Lineage) -> Entity:
    """An entry that is held, or one that is only described."""
    if uuid in lineage.held:
        holding, held = lineage.held[uuid]
        return _entry(graph, held, holding.archived)
    action = lineage.actions.get(uuid)
    command = action.step.command if action else None
    checksum = lineage.checksums.get(uuid, "")
    place = lineage.external.get(uuid) or lineage.external.get(checksum)
    if uuid in lineage.external or checksum in lineage.external:
        told = _ELSEWHERE
    else:
        told = "lived in a pipe only" if action and action.step.transient else "was a file that is not in this deposit"
    return graph.add({
        "@id": f"urn:uuid:{uuid}", "@type": "CreativeWork", "name": f"product of {command or 'an unknown step'}",
        "description": told, "url": place,
        "identifier": _content(graph, checksum) if checksum else None,
    })  # fmt: skip


def _files_of(uuid: str | None, lineage: Lineage) -> list[Entity]:
    """The file that holds an entry, for those who look for files alone."""
    return [{"@id": lineage.held[uuid][0].archived}] if uuid is not None and uuid in lineage.held else []


def _source(graph: Graph, source: Input, lineage: Lineage) -> Entity:
    if source.uuid is not None:
        return _product(graph, source.uuid, lineage)
    if source.checksum in lineage.auxiliary:
        return {"@id": lineage.auxiliary[source.checksum].archived}
    return graph.add({
        "@id": f"urn:sha256:{source.checksum}", "@type": "CreativeWork", "name": source.file_name or "a foreign file",
        "description": _ELSEWHERE if source.checksum in lineage.external else _FOREIGN,
        "sha256": source.checksum, "url": lineage.external.get(source.checksum),
    })  # fmt: skip


def _parameters(graph: Graph, command: str, values: Mapping[str, Value]) -> Iterator[Entity]:
    for name, value in sorted(values.items()):
        if "@" in name:
            continue
        text = plain(value)
        unit = values.get(f"{name}@units")
        yield graph.add({
            "@id": _parameter_id(command, name, f"{text}{unit or ''}"), "@type": "PropertyValue",
            "name": f"{command}.{name}", "value": text, "unitText": unit,
        })  # fmt: skip


def _parameter_id(command: str, name: str, text: str) -> str:
    import hashlib

    return f"#{command}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def plain(value: Value) -> Any:
    """A value as JSON has it; what JSON has not, infinity for example, and arrays, as text."""
    if isinstance(value, str | bool | int):
        return value
    array = np.asarray(value)
    if array.shape == ():
        item = array.item()
        return item if not isinstance(item, float) or np.isfinite(item) else str(item)
    return ", ".join(str(item) for item in array.ravel().tolist())


def names_of(document: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Name, length and SHA-256 of every file that a crate's document describes."""
    for entity in document.get("@graph", ()):
        if entity.get("@type") == "File":
            yield str(entity["@id"]), str(entity.get("contentSize", "")), str(entity.get("sha256", ""))


def elsewhere(document: Mapping[str, Any]) -> dict[str, str | None]:
    """UUID or SHA-256 of the inputs that a crate's document says are kept elsewhere, and where."""
    found = {}
    for entity in document.get("@graph", ()):
        if entity.get("description") == _ELSEWHERE:
            found[str(entity["@id"]).rpartition(":")[2]] = entity.get("url")
    return found
