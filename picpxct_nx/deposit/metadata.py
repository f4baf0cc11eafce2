"""What people say of a deposit: its title, who made it, under which licence, for whom, and what it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from picpxct_nx.deposit.identifiers import Pid

# What DataCite asks to be written where no DOI has been given yet.
NO_DOI = "(:tba)"


@dataclass(frozen=True)
class Institution:
    """An institution: its name, ROR and home page."""

    name: str
    ror: str | None = None
    url: str | None = None

    @property
    def page(self) -> str | None:
        """The address that stands for it."""
        return self.ror or self.url


@dataclass(frozen=True)
class Person:
    """Somebody who made the data, or had part in it in a `role` of DataCite."""

    given: str
    family: str
    orcid: str | None = None
    affiliations: tuple[Institution, ...] = ()
    email: str | None = None
    role: str | None = None

    @property
    def name(self) -> str:
        """Given name, then family name."""
        return f"{self.given} {self.family}".strip()

    @property
    def inverted(self) -> str:
        """Family name, then given name, as in a bibliography."""
        return f"{self.family}, {self.given}" if self.given else self.family


@dataclass(frozen=True)
class Funding:
    """Who paid: a grant of a funder."""

    funder: Institution
    number: str | None = None
    title: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Related:
    """Something else, and how this deposit relates to it, in the words of DataCite."""

    pid: Pid
    relation: str


@dataclass(frozen=True)
class Named:
    """A sample or an instrument, with its persistent identifier if it has one."""

    name: str
    pid: Pid | None = None


@dataclass(frozen=True)
class SciCat:
    """What PSI's catalogue wants to know beyond all others."""

    owner_group: str
    source_folder: str
    creation_location: str
    contact_email: str
    principal_investigator: str
    owner: str
    proposal: str | None = None
    input_datasets: tuple[str, ...] = ()
    access_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metadata:
    """Everything that people say of a deposit."""

    title: str
    description: str
    creators: tuple[Person, ...]
    licence: str
    publisher: Institution
    date: str
    keywords: tuple[str, ...] = ()
    language: str = "en"
    version: str | None = None
    doi: Pid | None = None
    contributors: tuple[Person, ...] = ()
    funding: tuple[Funding, ...] = ()
    related: tuple[Related, ...] = ()
    samples: tuple[Named, ...] = ()
    instruments: tuple[Named, ...] = ()
    facility: Institution | None = None
    proposal: str | None = None
    techniques: tuple[str, ...] = ()
    external: Mapping[str, str | None] = field(default_factory=dict)
    scicat: SciCat | None = None

    @property
    def year(self) -> str:
        """Year of publication."""
        return self.date[:4]

    def institutions(self) -> tuple[Institution, ...]:
        """Every institution that is named, each once."""
        people = [place for person in (*self.creators, *self.contributors) for place in person.affiliations]
        others = [self.publisher, *(one.funder for one in self.funding), *([self.facility] if self.facility else [])]
        return tuple(dict.fromkeys([*people, *others]))

    def with_techniques(self, found: tuple[str, ...]) -> "Metadata":
        """The same with the techniques that the files are evidence of."""
        return replace(self, techniques=tuple(dict.fromkeys([*found, *self.techniques])))
