"""Rules on texts that other machines read: who measured, and what the sample is made of."""

import re

from picpxct_nx.validation.view import Found, View

_ORCID = re.compile(r"https://orcid\.org/([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3})([0-9X])\Z")
_ELEMENT = re.compile(r"([A-Z][a-z]?)([0-9]+(?:\.[0-9]+)?)?\Z")
_ELEMENTS = re.compile(
    "A[cglmrstu]|B[aehikr]?|C[adeflmnorsu]?|D[bsy]?|E[rsu]|F[elmr]?|G[ade]|H[efgos]?|I[nr]?|K[r]?|L[airuv]|M[cdgnot]|"
    "N[abdehiop]?|O[gs]?|P[abdmortu]?|R[abefghnu]|S[bcegimnr]?|T[abcehilms]?|U|V|W|Xe|Y[b]?|Z[nr]"
)


def orcid(view: View) -> Found:
    """An ORCID iD is a URL whose last character is the check character after ISO 7064, MOD 11-2."""
    text = view.text("user/ORCID")
    if text is None:
        return
    match = _ORCID.match(text)
    if match is None:
        yield "user/ORCID", f"is '{text}'; wanted a URL such as https://orcid.org/0000-0002-1825-0097"
    elif check_character(match[1]) != match[2]:
        yield "user/ORCID", f"is '{text}', whose last character does not fit the others; is a digit wrong?"


def check_character(digits: str) -> str:
    """Check character of an ORCID iD: (12 - t mod 11) mod 11 with t <- 2 (t + digit), and X for ten."""
    total = 0
    for digit in digits.replace("-", ""):
        total = 2 * (total + int(digit))
    found = (12 - total % 11) % 11
    return "X" if found == 10 else str(found)


def formula(view: View) -> Found:
    """A formula is in Hill order: C and H first where there is carbon, everything else by the alphabet."""
    path = "sample/chemical_formula"
    text = view.text(path)
    if not text:
        return
    found = [_ELEMENT.match(part) for part in text.split(" ")]
    symbols = [match[1] for match in found if match is not None]
    unknown = [symbol for symbol in symbols if not _ELEMENTS.fullmatch(symbol)]
    if len(symbols) < len(found) or unknown:
        yield path, f"is '{text}'; wanted elements and their numbers with blanks between, such as 'O5 V2'"
        return
    first = ("C", "H") if "C" in symbols else ()
    ordered = sorted(symbols, key=lambda symbol: (first.index(symbol) if symbol in first else len(first), symbol))
    if symbols != ordered or len(set(symbols)) < len(symbols):
        yield path, f"is '{text}'; in Hill order the elements are {' '.join(dict.fromkeys(ordered))}, each once"
