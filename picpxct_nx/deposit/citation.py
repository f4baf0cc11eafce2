"""CITATION.cff: how to cite the deposit, in the Citation File Format 1.2.0 (doi:10.5281/zenodo.5171937)."""

import json
from collections.abc import Iterator

from picpxct_nx.deposit.metadata import Metadata, Person


def citation(metadata: Metadata) -> str:
    """The file's text: YAML, of which JSON's strings are a part."""
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use these data, please cite them as below."',
        "type: dataset",
        f"title: {_text(metadata.title)}",
        f"abstract: {_text(metadata.description)}",
        "authors:",
        *(line for person in metadata.creators for line in _person(person)),
        f"date-released: {_text(metadata.date)}",
        f"license: {_text(metadata.licence)}",
    ]
    if metadata.version:
        lines.append(f"version: {_text(metadata.version)}")
    if metadata.doi is not None:
        lines.append(f"doi: {_text(metadata.doi.value)}")
    if metadata.keywords:
        lines += ["keywords:", *(f"  - {_text(word)}" for word in metadata.keywords)]
    if metadata.publisher.url:
        lines.append(f"repository: {_text(metadata.publisher.url)}")
    return "\n".join(lines) + "\n"


def plain(metadata: Metadata) -> str:
    """The citation as one sentence, in the manner of DataCite."""
    people = "; ".join(person.inverted for person in metadata.creators)
    place = f" {metadata.doi.url}" if metadata.doi else ""
    version = f" (version {metadata.version})" if metadata.version else ""
    return f"{people} ({metadata.year}): {metadata.title}{version}. {metadata.publisher.name}. Dataset.{place}"


def _person(person: Person) -> Iterator[str]:
    yield f"  - family-names: {_text(person.family)}"
    if person.given:
        yield f"    given-names: {_text(person.given)}"
    if person.affiliations:
        yield f"    affiliation: {_text('; '.join(place.name for place in person.affiliations))}"
    if person.orcid:
        yield f"    orcid: {_text(person.orcid)}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
