"""The record for a DOI: DataCite metadata as JSON (kernel 4.5) and as XML (kernel 4), ready for a repository.

DataCite Metadata Working Group, DataCite Metadata Schema 4.5 (2024), doi:10.14454/g8e5-6293. What kernels 4.6 and 4.7
added is not used, so that the XML is valid against each of them.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from picpxct_nx.deposit import terms
from picpxct_nx.deposit.lineage import Lineage
from picpxct_nx.deposit.metadata import NO_DOI, Institution, Metadata, Named, Person
from picpxct_nx.deposit.survey import times

_NAMESPACE = "http://datacite.org/schema/kernel-4"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://datacite.org/schema/kernel-4"
_XML = "http://www.w3.org/XML/1998/namespace"
_ROR, _ORCID, _PANET, _SPDX = (
    "https://ror.org/",
    "https://orcid.org/",
    "http://purl.org/pan-science/PaNET",
    "https://spdx.org/licenses/",
)

# Relations of the things of a deposit: the sample it came from, the instrument that took it.
_SAMPLE, _INSTRUMENT = "IsDerivedFrom", "IsCollectedBy"


def record(metadata: Metadata, lineage: Lineage, size: int) -> dict[str, Any]:
    """The record as JSON, in the words of the official schema of kernel 4.5.

    Parameters
    ----------
    metadata : Metadata
    lineage : Lineage
        What is held, for the dates of the measurement.
    size : int
        Bytes of all files.
    """
    dates = [{"date": metadata.date, "dateType": "Issued"}]
    measured = times(held for _, held in lineage.held.values())
    if measured is not None:
        dates.append({"date": "/".join(day[:10] for day in measured), "dateType": "Collected"})
    made: dict[str, Any] = {
        "identifiers": [],
        "creators": [_person(person) for person in metadata.creators],
        "titles": [{"title": metadata.title, "lang": metadata.language}],
        "publisher": _publisher(metadata.publisher),
        "publicationYear": metadata.year,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "spectro-ptychography data set"},
        "subjects": [*({"subject": word} for word in metadata.keywords), *map(_subject, metadata.techniques)],
        "contributors": [_contributor(person) for person in metadata.contributors],
        "dates": dates,
        "language": metadata.language,
        "relatedIdentifiers": _related(metadata),
        "sizes": [f"{size} bytes"],
        "formats": ["application/x-hdf5", "NeXus"],
        "version": metadata.version,
        "rightsList": [_rights(metadata.licence)],
        "descriptions": [
            {"description": metadata.description, "descriptionType": "Abstract", "lang": metadata.language}
        ],
        "fundingReferences": [_funding(one) for one in metadata.funding],
        "schemaVersion": _SCHEMA,
    }
    if metadata.doi is not None:
        made["doi"] = metadata.doi.value
    return {name: value for name, value in made.items() if value not in (None, [])}


def _publisher(place: Institution) -> dict[str, Any]:
    if place.ror is None:
        return {"name": place.name}
    return {
        "name": place.name, "publisherIdentifier": place.ror, "publisherIdentifierScheme": "ROR", "schemeUri": _ROR,
    }  # fmt: skip


def _person(person: Person) -> dict[str, Any]:
    made: dict[str, Any] = {"name": person.inverted, "nameType": "Personal", "familyName": person.family}
    if person.given:
        made["givenName"] = person.given
    if person.orcid:
        made["nameIdentifiers"] = [
            {"nameIdentifier": person.orcid, "nameIdentifierScheme": "ORCID", "schemeUri": _ORCID}
        ]
    if person.affiliations:
        made["affiliation"] = [_affiliation(place) for place in person.affiliations]
    return made


def _affiliation(place: Institution) -> dict[str, Any]:
    if place.ror is None:
        return {"name": place.name}
    return {
        "name": place.name, "affiliationIdentifier": place.ror, "affiliationIdentifierScheme": "ROR",
        "schemeUri": _ROR,
    }  # fmt: skip


def _contributor(person: Person) -> dict[str, Any]:
    return _person(person) | {"contributorType": person.role}


def _subject(term: str) -> dict[str, Any]:
    return {
        "subject": terms.TECHNIQUES[term], "subjectScheme": "PaNET", "schemeUri": _PANET,
        "valueUri": terms.technique_iri(term),
    }  # fmt: skip


def _related(metadata: Metadata) -> list[dict[str, Any]]:
    found = [
        {"relatedIdentifier": one.pid.value, "relatedIdentifierType": one.pid.scheme, "relationType": one.relation}
        for one in metadata.related
    ]
    found += [_thing(one, _SAMPLE, "PhysicalObject") for one in metadata.samples if one.pid]
    found += [_thing(one, _INSTRUMENT, "Instrument") for one in metadata.instruments if one.pid]
    return found


def _thing(one: Named, relation: str, kind: str) -> dict[str, Any]:
    assert one.pid is not None  # noqa: S101  # the caller looked
    return {
        "relatedIdentifier": one.pid.value, "relatedIdentifierType": one.pid.scheme, "relationType": relation,
        "resourceTypeGeneral": kind,
    }  # fmt: skip


def _rights(licence: str) -> dict[str, Any]:
    name, text = terms.LICENCES[licence]
    return {
        "rights": name, "rightsUri": text, "rightsIdentifier": licence, "rightsIdentifierScheme": "SPDX",
        "schemeUri": _SPDX,
    }  # fmt: skip


def _funding(one: Any) -> dict[str, Any]:
    made = {"funderName": one.funder.name}
    if one.funder.ror:
        made |= {"funderIdentifier": one.funder.ror, "funderIdentifierType": "ROR"}
    named = {"awardNumber": one.number, "awardTitle": one.title, "awardUri": one.url}
    return made | {name: text for name, text in named.items() if text}


def to_xml(made: Mapping[str, Any]) -> bytes:
    """The same record as XML of kernel 4; a DOI that is not known yet is `(:tba)`, as DataCite wants it."""
    ET.register_namespace("", _NAMESPACE)
    ET.register_namespace("xsi", _XSI)
    root = ET.Element(f"{{{_NAMESPACE}}}resource")
    root.set(f"{{{_XSI}}}schemaLocation", f"{_NAMESPACE} https://schema.datacite.org/meta/kernel-4/metadata.xsd")
    _sub(root, "identifier", made.get("doi", NO_DOI), identifierType="DOI")
    people = _sub(root, "creators")
    for person in made["creators"]:
        _xml_person(_sub(people, "creator"), person, "creatorName")
    for title in made["titles"]:
        _sub(_sub(root, "titles"), "title", title["title"], lang=title.get("lang"))
    place = made["publisher"]
    names = {"publisherIdentifier": "publisherIdentifier", "publisherIdentifierScheme": "publisherIdentifierScheme",
             "schemeURI": "schemeUri"}  # fmt: skip
    _sub(root, "publisher", place["name"], **{xml: place.get(json) for xml, json in names.items()})
    _sub(root, "publicationYear", made["publicationYear"])
    kind = made["types"]
    _sub(root, "resourceType", kind["resourceType"], resourceTypeGeneral=kind["resourceTypeGeneral"])
    _lists(root, made)
    if "contributors" in made:
        people = _sub(root, "contributors")
        for person in made["contributors"]:
            _xml_person(
                _sub(people, "contributor", contributorType=person["contributorType"]), person, "contributorName"
            )
    if "fundingReferences" in made:
        grants = _sub(root, "fundingReferences")
        for one in made["fundingReferences"]:
            _xml_grant(_sub(grants, "fundingReference"), one)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


# Lists of the record: element, its items, where an item's text stands, and attributes by key.
_LISTS: tuple[tuple[str, str, str, str | None, Mapping[str, str]], ...] = (
    ("subjects", "subjects", "subject", "subject",
     {"subjectScheme": "subjectScheme", "schemeUri": "schemeURI", "valueUri": "valueURI"}),
    ("dates", "dates", "date", "date", {"dateType": "dateType"}),
    ("relatedIdentifiers", "relatedIdentifiers", "relatedIdentifier", "relatedIdentifier",
     {"relatedIdentifierType": "relatedIdentifierType", "relationType": "relationType",
      "resourceTypeGeneral": "resourceTypeGeneral"}),
    ("sizes", "sizes", "size", None, {}),
    ("formats", "formats", "format", None, {}),
    ("rightsList", "rightsList", "rights", "rights",
     {"rightsUri": "rightsURI", "rightsIdentifier": "rightsIdentifier",
      "rightsIdentifierScheme": "rightsIdentifierScheme", "schemeUri": "schemeURI"}),
    ("descriptions", "descriptions", "description", "description",
     {"descriptionType": "descriptionType", "lang": "lang"}),
)  # fmt: skip


def _lists(root: ET.Element, made: Mapping[str, Any]) -> None:
    for key, group, name, text, attributes in _LISTS:
        items = made.get(key, ())
        parent = _sub(root, group) if items else root
        for item in items:
            marks = {} if text is None else {xml: item.get(json) for json, xml in attributes.items()}
            _sub(parent, name, item if text is None else item[text], **marks)
    for key in ("language", "version"):
        if key in made:
            _sub(root, key, made[key])


def _xml_person(parent: ET.Element, person: Mapping[str, Any], tag: str) -> None:
    _sub(parent, tag, person["name"], nameType=person["nameType"])
    for name in ("givenName", "familyName"):
        if name in person:
            _sub(parent, name, person[name])
    for one in person.get("nameIdentifiers", ()):
        _sub(parent, "nameIdentifier", one["nameIdentifier"], nameIdentifierScheme=one["nameIdentifierScheme"],
             schemeURI=one["schemeUri"])  # fmt: skip
    for place in person.get("affiliation", ()):
        _sub(parent, "affiliation", place["name"], affiliationIdentifier=place.get("affiliationIdentifier"),
             affiliationIdentifierScheme=place.get("affiliationIdentifierScheme"),
             schemeURI=place.get("schemeUri"))  # fmt: skip


def _xml_grant(parent: ET.Element, one: Mapping[str, Any]) -> None:
    _sub(parent, "funderName", one["funderName"])
    if "funderIdentifier" in one:
        _sub(parent, "funderIdentifier", one["funderIdentifier"], funderIdentifierType=one["funderIdentifierType"])
    if "awardNumber" in one or "awardUri" in one:
        _sub(parent, "awardNumber", one.get("awardNumber", ""), awardURI=one.get("awardUri"))
    if "awardTitle" in one:
        _sub(parent, "awardTitle", one["awardTitle"])


def _sub(parent: ET.Element, tag: str, text: str | None = None, **attributes: str | None) -> ET.Element:
    item = ET.SubElement(parent, f"{{{_NAMESPACE}}}{tag}")
    if text is not None:
        item.text = text
    for name, value in attributes.items():
        if value is not None:
            item.set(f"{{{_XML}}}lang" if name == "lang" else name, value)
    return item
