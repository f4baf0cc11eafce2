"""A table of the form that is being read: values by key, each mistake noted, so that all are told at once."""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from picpxct_nx.deposit.fault import Fault, Level
from picpxct_nx.errors import ConfigError, UsageError

T = TypeVar("T")
Table = Mapping[str, Any]

# Every key that the form knows, by the table that it stands in.
KEYS: Mapping[str, tuple[str, ...]] = {
    "": (
        "title", "description", "license", "date", "doi", "version", "language", "keywords", "proposal", "techniques",
        "publisher", "creators", "contributors", "facility", "samples", "instruments", "funding", "related",
        "external_inputs", "scicat",
    ),
    "publisher": ("name", "ror", "url"),
    "facility": ("name", "ror", "url"),
    "creators": ("given", "family", "orcid", "email", "affiliation", "ror", "affiliations"),
    "contributors": ("given", "family", "orcid", "email", "affiliation", "ror", "affiliations", "role"),
    "affiliations": ("name", "ror", "url"),
    "samples": ("name", "igsn"),
    "instruments": ("name", "pid"),
    "funding": ("funder", "ror", "number", "title", "url"),
    "related": ("pid", "relation"),
    "scicat": (
        "owner_group", "source_folder", "creation_location", "contact_email", "principal_investigator", "owner",
        "proposal", "input_datasets", "access_groups",
    ),
}  # fmt: skip


@dataclass
class Sheet:
    """A table that is being read: its place in the form, which keys it may have, and the faults found so far."""

    place: str
    table: Table
    kind: str = ""
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = KEYS.get(self.kind, ())
        for key in self.table:
            if known and key not in known:
                near = difflib.get_close_matches(key, known, 1)
                guess = f"did you mean '{near[0]}'? " if near else ""
                self.add(key, "UNKNOWN_TERM", f"is no key of the form; {guess}known are {', '.join(known)}")

    def add(self, key: str, code: str, message: str, level: Level = "error") -> None:
        """Note a mistake under a key."""
        self.faults.append(Fault(f"{self.place}: {key}" if key else self.place, code, message, level))

    def optional(self, key: str) -> str | None:
        """Text under a key, or None; numbers and dates are taken as they are written."""
        value = self.table.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool | list | dict):
            self.add(key, "KIND", f"is {value!r}; wanted text")
            return None
        return str(value).strip()

    def text(self, key: str, *, needed: str) -> str:
        """Text under a key that must be there."""
        value = self.optional(key)
        if value is None:
            self.add(key, "MISSING", f"is missing; wanted {needed}")
        return value or ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts under a key."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.add(key, "KIND", f"is {value!r}; wanted a list of texts")
            return ()
        return tuple(item.strip() for item in value)

    def checked(self, key: str, check: Callable[[str], T | None], wanted: str) -> T | None:
        """What a check makes of the text under a key; None where there is none, or where it is wrong."""
        value = self.optional(key)
        if value is None:
            return None
        found = check(value)
        if found is None:
            self.add(key, "IDENTIFIER", f"'{value}' is not {wanted}; check it for slips of the pen")
        return found

    def each(self, key: str, make: "Callable[[Sheet], T]") -> tuple[T, ...]:
        """What is made of each table of a list."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.add(key, "KIND", f"wanted tables [[{key}]], found {value!r}"[:160])
            return ()
        inner = [Sheet(f"{self.place}: {key} {n}", item, key, self.faults) for n, item in enumerate(value, 1)]
        return tuple(make(form) for form in inner)

    def inner(self, key: str) -> "Sheet | None":
        """A table under a key."""
        value = self.table.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.add(key, "KIND", f"wanted a table [{key}], found {value!r}"[:160])
            return None
        return Sheet(f"{self.place}: {key}", value, key, self.faults)


def parse(text: str, name: str) -> dict[str, Any]:
    """The tables of a form.

    Raises
    ------
    ConfigError
        The text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: is not TOML ({error}); picpxct deposit --init writes a form to fill in") from None


def overridden(tables: Table, settings: Iterable[str]) -> dict[str, Any]:
    """The tables with what the command line sets, `license=CC-BY-4.0` or `publisher.name=PSI`.

    A value is read as TOML where it is that, `keywords=["a", "b"]`, and as text else.

    Raises
    ------
    UsageError
        A setting is not NAME=VALUE, or its name leads through something that is no table.
    """
    merged: dict[str, Any] = {name: dict(value) if isinstance(value, dict) else value for name, value in tables.items()}
    for setting in settings:
        path, equals, value = setting.partition("=")
        *parents, last = path.strip().split(".")
        if not equals or not last:
            raise UsageError(f"--set '{setting}': wanted NAME=VALUE, for example license=CC-BY-4.0")
        table = merged
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise UsageError(f"--set '{setting}': {parent} is no table; set it whole, {parent}=[{{...}}]")
        table[last] = _value(value.strip())
    return merged


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
