"""The form deposit.toml: read whole, every mistake in it told at once, filled up with what the files say."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from picpxct_nx.deposit import identifiers, terms
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.identifiers import Pid
from picpxct_nx.deposit.metadata import Funding, Institution, Metadata, Named, Person, Related, SciCat
from picpxct_nx.deposit.sheet import KEYS, Sheet, Table

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z", re.IGNORECASE)
_PAGE = re.compile(r"https?://\S+\Z")


@dataclass(frozen=True)
class Said:
    """What the files themselves say of people, places and things; sorted, each once."""

    people: tuple[Person, ...] = ()
    samples: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()


def read(tables: Table, said: Said, name: str = "deposit.toml") -> tuple[Metadata, tuple[Fault, ...]]:
    """The metadata that a form and the files give together, and what is wrong with them.

    The metadata may only be used where no fault is an error.

    Parameters
    ----------
    tables : mapping
        As from `parse` and `overridden`.
    said : Said
        What the files say; the form is believed where both speak.
    name : str
        How messages call the form.
    """
    form = Sheet(name, tables)
    people = form.each("creators", _person) or said.people
    made = Metadata(
        title=form.text("title", needed="what a person would call this deposit"),
        description=form.text("description", needed="an abstract: what was measured and why"),
        creators=people,
        licence=_licence(form),
        publisher=_publisher(form),
        date=_date(form),
        keywords=form.texts("keywords"),
        language=form.checked("language", lambda text: text if _LANGUAGE.match(text) else None, "a code such as en")
        or "en",
        version=form.optional("version"),
        doi=form.checked("doi", identifiers.doi, "a DOI, 10.NNNN/..."),
        contributors=form.each("contributors", _contributor),
        funding=form.each("funding", _funding),
        related=form.each("related", _related),
        samples=_things(form, "samples", said.samples, ("igsn", identifiers.igsn, "an IGSN")),
        instruments=_things(form, "instruments", said.instruments, ("pid", identifiers.pid, "a DOI, handle or URL")),
        facility=_facility(form, said),
        proposal=form.optional("proposal") or (said.proposals[0] if len(said.proposals) == 1 else None),
        techniques=_techniques(form),
        external=_external(form),
        scicat=_scicat(form, people, said),
    )
    _check_people(form, made)
    return made.with_techniques(said.techniques), tuple(form.faults)


def _page(text: str) -> str | None:
    return text if _PAGE.match(text) else None


def _institution(form: Sheet, key: str = "name") -> Institution:
    return Institution(
        form.text(key, needed="the name of an institution"),
        form.checked("ror", identifiers.ror, "a ROR, https://ror.org/0..."),
        form.checked("url", _page, "an address that begins with http") if "url" in KEYS[form.kind] else None,
    )


def _person(form: Sheet) -> Person:
    places = form.each("affiliations", _institution)
    if "affiliation" in form.table or "ror" in form.table:
        places = (_affiliation(form), *places)
    return Person(
        given=form.optional("given") or "",
        family=form.text("family", needed="a family name"),
        orcid=form.checked("orcid", identifiers.orcid, "an ORCID iD with a right check digit"),
        affiliations=places,
        email=form.checked("email", identifiers.email, "an e-mail address"),
    )


def _affiliation(form: Sheet) -> Institution:
    name = form.text("affiliation", needed="the institution whose ROR is given")
    return Institution(name, form.checked("ror", identifiers.ror, "a ROR, https://ror.org/0..."))


def _contributor(form: Sheet) -> Person:
    person = _person(form)
    role = form.text("role", needed=f"a role of DataCite: {', '.join(sorted(terms.ROLES))}")
    if role and role not in terms.ROLES:
        form.add("role", "UNKNOWN_TERM", _unknown(role, terms.ROLES, "a role of DataCite"))
    return Person(person.given, person.family, person.orcid, person.affiliations, person.email, role)


def _funding(form: Sheet) -> Funding:
    return Funding(
        Institution(
            form.text("funder", needed="the name of the funder"),
            form.checked("ror", identifiers.ror, "a ROR, https://ror.org/0..."),
        ),
        form.optional("number"),
        form.optional("title"),
        form.checked("url", _page, "an address that begins with http"),
    )


def _related(form: Sheet) -> Related:
    pid = form.checked("pid", identifiers.pid, "a DOI, handle or URL")
    if form.optional("pid") is None:
        form.add("pid", "MISSING", "is missing; wanted a DOI, handle or URL")
    relation = form.text("relation", needed="a relation of DataCite such as IsSupplementTo")
    if relation and relation not in terms.RELATIONS:
        form.add("relation", "UNKNOWN_TERM", _unknown(relation, terms.RELATIONS, "a relation of DataCite"))
    return Related(pid or Pid("URL", "", ""), relation)


def _unknown(text: str, known: Iterable[str], what: str) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(text, names, 1, cutoff=0.4)
    return f"'{text}' is not {what}; {f'did you mean {near[0]}? ' if near else ''}known are {', '.join(names)}"


def _licence(form: Sheet) -> str:
    found = form.text("license", needed=f"an SPDX identifier: {', '.join(terms.LICENCES)}")
    if found and found not in terms.LICENCES:
        form.add("license", "LICENCE", _unknown(found, terms.LICENCES, "an SPDX identifier of a licence for data"))
    return found


def _publisher(form: Sheet) -> Institution:
    inner = form.inner("publisher")
    if inner is None:
        form.add("publisher", "MISSING", "is missing; wanted [publisher] with name, and ror or url, of the repository")
        return Institution("")
    found = _institution(inner)
    if found.page is None:
        inner.add("", "MISSING", "has neither ror nor url; wanted one of them")
    return found


def _date(form: Sheet) -> str:
    text = form.text("date", needed="the day of publication, YYYY-MM-DD")
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        form.add("date", "DATE", f"'{text}' is no date; wanted YYYY-MM-DD")
        return ""


def _things(
    form: Sheet, key: str, said: Sequence[str], pid: tuple[str, Callable[[str], Pid | None], str]
) -> tuple[Named, ...]:
    """Samples or instruments: those of the files, with the identifiers that the form gives them."""
    option, check, wanted = pid

    def make(inner: Sheet) -> Named:
        name = inner.text("name", needed="the name that the files use")
        if name and said and name not in said:
            inner.add("name", "UNKNOWN_NAME", f"no file is about '{name}'; the files say {', '.join(said)}")
        return Named(name, inner.checked(option, check, wanted))

    named = {thing.name: thing for thing in form.each(key, make)}
    return tuple(named.get(name, Named(name)) for name in dict.fromkeys([*said, *named]))


def _facility(form: Sheet, said: Said) -> Institution | None:
    inner = form.inner("facility")
    if inner is not None:
        return _institution(inner)
    return Institution(said.facilities[0]) if len(said.facilities) == 1 else None


def _techniques(form: Sheet) -> tuple[str, ...]:
    found = tuple(text.rpartition("/")[2] for text in form.texts("techniques"))
    for text in found:
        if text not in terms.TECHNIQUES:
            known = ", ".join(f"{key} ({name})" for key, name in terms.TECHNIQUES.items())
            form.add("techniques", "UNKNOWN_TERM", f"'{text}' is no term of PaNET that we know; known are {known}")
    return tuple(text for text in found if text in terms.TECHNIQUES)


def external_key(text: str) -> str | None:
    """UUID or SHA-256 by which a history may name an input, in the spelling of the histories."""
    found = _UUID.match(text.strip()) or _SHA256.match(text.strip())
    return None if found is None else found[1].lower()


def _external(form: Sheet) -> dict[str, str | None]:
    value = form.table.get("external_inputs", {})
    if not isinstance(value, dict):
        form.add("external_inputs", "KIND", "wanted a table of UUID or SHA-256 = 'where it is'")
        return {}
    found: dict[str, str | None] = {}
    for name, place in value.items():
        key, address = external_key(name), identifiers.pid(str(place))
        if key is None:
            form.add("external_inputs", "IDENTIFIER", f"'{name}' is neither a UUID nor a SHA-256")
        elif place and address is None:
            form.add("external_inputs", "IDENTIFIER", f"'{place}' is not a DOI, handle or URL")
        else:
            found[key] = address.url if address else None
    return found


def _scicat(form: Sheet, people: Sequence[Person], said: Said) -> SciCat | None:
    inner = form.inner("scicat")
    if inner is None:
        return None
    contact = next((person for person in people if person.email), None)
    mail = inner.checked("contact_email", identifiers.email, "an e-mail address") or (
        contact.email if contact else None
    )
    if mail is None:
        inner.add("contact_email", "MISSING", "is missing, and no creator has an email; wanted one of them")
    folder = inner.text("source_folder", needed="the absolute path at which the catalogue's machine finds the deposit")
    if folder and not re.fullmatch(r"/[A-Za-z0-9%#+\-.:=@_/]+", folder):
        inner.add("source_folder", "PATH", f"'{folder}' is no absolute path of letters, digits and % # + - . : = @ _")
    location = inner.text("creation_location", needed="where data were taken, for cSAXS /PSI/SLS/CSAXS")
    if location and not location.startswith("/"):
        inner.add("creation_location", "PATH", f"'{location}' does not begin with /; for cSAXS it is /PSI/SLS/CSAXS")
    return SciCat(
        owner_group=inner.text("owner_group", needed="the p-group, for example p12345"),
        source_folder=folder.rstrip("/"),
        creation_location=location,
        contact_email=mail or "",
        principal_investigator=inner.checked("principal_investigator", identifiers.email, "an e-mail address")
        or mail
        or "",
        owner=inner.optional("owner") or (people[0].name if people else ""),
        proposal=inner.optional("proposal") or form.optional("proposal") or next(iter(said.proposals), None),
        input_datasets=inner.texts("input_datasets"),
        access_groups=inner.texts("access_groups"),
    )


def _check_people(form: Sheet, made: Metadata) -> None:
    if not made.creators:
        form.add("creators", "CREATOR", "nobody is named, and no file names a user; wanted [[creators]]")
    for person in (one for one in made.creators if one.family):
        if not person.affiliations:
            form.add("creators", "AFFILIATION", f"{person.name} has no affiliation; wanted affiliation, and ror")
        if person.orcid is None:
            form.add("creators", "ORCID", f"{person.name} has no ORCID iD; add orcid if there is one", "warning")
    for person in (*made.creators, *made.contributors):
        for place in person.affiliations:
            if place.name and place.page is None:
                text = f"{place.name}, the affiliation of {person.name}, has no ror; add it, or a url"
                form.add("creators" if person.role is None else "contributors", "AFFILIATION_ROR", text)
    for one in made.funding:
        if one.funder.name and one.funder.ror is None:
            form.add("funding", "FUNDER_ROR", f"{one.funder.name} has no ror; add it, https://ror.org has all funders")
