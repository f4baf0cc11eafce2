"""Persistent identifiers as people write them: people, institutions, samples, instruments, publications.

Each function gives the one spelling that a deposit uses, or None where the text is no such identifier. Nothing is
looked up: a well-formed identifier may still be somebody else's.
"""

import re
from typing import Literal, NamedTuple

_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dX])\Z", re.IGNORECASE)
_ROR = re.compile(r"(?:https?://ror\.org/)?(0[a-hj-km-np-tv-z0-9]{6}[0-9]{2})\Z", re.IGNORECASE)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/[^\s\"<>]+)\Z", re.IGNORECASE)
_HANDLE = re.compile(r"(?:https?://hdl\.handle\.net/|hdl:)(\d[\w.]*/[^\s\"<>]+)\Z", re.IGNORECASE)
_IGSN = re.compile(r"(?:IGSN:?\s*)?([A-Z][A-Z0-9.-]{3,48})\Z", re.IGNORECASE)
_IGSN_HANDLE = re.compile(r"(?:https?://(?:hdl\.handle\.net|igsn\.org)/)(?:10273/)?([A-Z0-9.-]{4,50})\Z", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s\"<>/]+\.[^\s\"<>]+\Z")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,}\Z")
# Crockford's base 32, in which a ROR is written.
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"

Scheme = Literal["DOI", "Handle", "IGSN", "URL"]


class Pid(NamedTuple):
    """An identifier with its scheme, as DataCite calls it, and its URL."""

    scheme: Scheme
    value: str
    url: str


def orcid(text: str) -> str | None:
    """An ORCID iD as a URL, where its check digit is right (ISO 7064, mod 11-2)."""
    found = _ORCID.match(text.strip())
    if found is None:
        return None
    digits = "".join(found.groups()).upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if digits[-1] != ("X" if check == 10 else str(check)):
        return None
    return f"https://orcid.org/{'-'.join(digits[i : i + 4] for i in range(0, 16, 4))}"


def ror(text: str) -> str | None:
    """A ROR of an institution as a URL, where its check digits are right (ISO 7064, mod 97-10)."""
    found = _ROR.match(text.strip())
    if found is None:
        return None
    body = found[1].lower()
    number = 0
    for letter in body[:-2]:
        number = number * 32 + _BASE32.index(letter)
    return f"https://ror.org/{body}" if int(body[-2:]) == 98 - (number * 100) % 97 else None


def doi(text: str) -> Pid | None:
    """A DOI, in lower case as its registry compares it."""
    found = _DOI.match(text.strip())
    return None if found is None else Pid("DOI", found[1].lower(), f"https://doi.org/{found[1].lower()}")


def pid(text: str) -> Pid | None:
    """A DOI, a handle, or a URL: what an instrument (PIDINST) or a related resource may be known by."""
    text = text.strip()
    named = doi(text)
    if named is not None:
        return named
    found = _HANDLE.match(text)
    if found is not None:
        return Pid("Handle", found[1], f"https://hdl.handle.net/{found[1]}")
    return Pid("URL", text, text) if _URL.match(text) else None


def igsn(text: str) -> Pid | None:
    """An IGSN ID of a sample: since 2021 a DOI, before that a handle below 10273."""
    text = text.strip()
    named = doi(text)
    if named is not None:
        return named
    found = _IGSN_HANDLE.match(text) or _IGSN.match(text)
    return None if found is None else Pid("IGSN", found[1].upper(), f"https://hdl.handle.net/10273/{found[1].upper()}")


def email(text: str) -> str | None:
    """An e-mail address."""
    return text.strip() if _EMAIL.match(text.strip()) else None
