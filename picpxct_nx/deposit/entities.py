"""Entities of a crate that are no data: people, institutions, licence, techniques, samples, instruments, grants."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from picpxct_nx.deposit import terms
from picpxct_nx.deposit.metadata import Funding, Institution, Named, Person

Entity = dict[str, Any]


@dataclass
class Graph:
    """Entities by identifier, in the order in which they came."""

    entities: dict[str, Entity] = field(default_factory=dict)

    def add(self, entity: Entity) -> Entity:
        """Add an entity, or take the one that is there under its identifier; a reference to it is returned."""
        self.entities.setdefault(entity["@id"], {k: v for k, v in entity.items() if v not in (None, [], "")})
        return {"@id": entity["@id"]}


def one_or_many(items: Sequence[Entity]) -> Any:
    """One thing by itself, several as a list: RO-Crate 1.1 advises against lists of one."""
    distinct = list({item["@id"]: item for item in items}.values())
    return distinct[0] if len(distinct) == 1 else distinct


def licence(graph: Graph, identifier: str) -> Entity:
    """The licence of the whole."""
    name, text = terms.LICENCES[identifier]
    return graph.add({
        "@id": terms.licence_url(identifier), "@type": "CreativeWork", "name": name, "identifier": identifier,
        "description": f"{identifier}, its text is at {text}", "url": text,
    })  # fmt: skip


def institution(graph: Graph, place: Institution) -> Entity:
    """An institution, by its ROR where it has one."""
    anchor = "#" + re.sub(r"[^A-Za-z0-9]+", "-", place.name).strip("-").lower()
    page = place.url or place.ror
    return graph.add(
        {"@id": place.ror or place.url or anchor, "@type": "Organization", "name": place.name, "url": page}
    )


def person(graph: Graph, person: Person) -> Entity:
    """A person, by the ORCID iD where there is one."""
    anchor = "#" + re.sub(r"[^A-Za-z0-9]+", "-", person.name).strip("-").lower()
    return graph.add({
        "@id": person.orcid or anchor, "@type": "Person", "name": person.name, "givenName": person.given,
        "familyName": person.family,
        "affiliation": one_or_many([institution(graph, place) for place in person.affiliations]),
        "jobTitle": person.role,
    })  # fmt: skip


def grant(graph: Graph, one: Funding) -> Entity:
    """A grant, and who gives it."""
    return graph.add({
        "@id": one.url or f"#grant-{re.sub(r'[^A-Za-z0-9]+', '-', one.number or one.funder.name).lower()}",
        "@type": "Grant", "name": one.title or one.number or one.funder.name, "identifier": one.number,
        "funder": institution(graph, one.funder),
    })  # fmt: skip


def technique(graph: Graph, term: str) -> Entity:
    """A technique, by its term of PaNET."""
    return graph.add({
        "@id": terms.technique_iri(term), "@type": "DefinedTerm", "name": terms.TECHNIQUES[term], "termCode": term,
        "inDefinedTermSet": "http://purl.org/pan-science/PaNET/PaNET.owl",
    })  # fmt: skip


def sample(graph: Graph, sample: Named) -> Entity:
    """A sample, by its IGSN where it has one."""
    anchor = "#sample-" + re.sub(r"[^A-Za-z0-9]+", "-", sample.name).strip("-").lower()
    url = sample.pid.url if sample.pid else anchor
    return graph.add({
        "@id": url, "@type": "Thing", "name": sample.name, "identifier": sample.pid.value if sample.pid else None,
        "description": "the sample that was measured",
    })  # fmt: skip


def instrument(graph: Graph, one: Named, facility: Institution | None) -> Entity:
    """An instrument, by its PID where it has one."""
    anchor = "#instrument-" + re.sub(r"[^A-Za-z0-9]+", "-", one.name).strip("-").lower()
    return graph.add({
        "@id": one.pid.url if one.pid else anchor, "@type": "IndividualProduct", "name": one.name,
        "identifier": one.pid.value if one.pid else None, "description": "the beamline at which data were taken",
        "manufacturer": institution(graph, facility) if facility and facility.page else None,
    })  # fmt: skip


def related(graph: Graph, url: str, relation: str) -> Entity:
    """Something else, and how the deposit relates to it."""
    return graph.add(
        {"@id": url, "@type": "CreativeWork", "name": url, "description": f"{relation} (DataCite)", "url": url}
    )
