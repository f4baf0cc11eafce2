"""Texts that other machines read: ORCID iDs and chemical formulas."""

from collections.abc import Iterator

import h5py
import pytest

from picpxct_nx.validation.rules_text import check_character

from .conftest import ENTRY, CheckMutant

SCAN = "NXspecptycho_scan"


def put(file: h5py.File, path: str, text: str) -> None:
    del file[f"{ENTRY}/{path}"]
    file[f"{ENTRY}/{path}"] = text


# The first two are the examples of ORCID's own documentation; the third ends in ten.
@pytest.mark.parametrize("orcid", ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-1694-233X"])
def test_known_identifiers_have_their_check_character(orcid: str) -> None:
    assert check_character(orcid[:-1]) == orcid[-1]


def one_digit_wrong() -> Iterator[str]:
    right = "0000-0002-1825-0097"
    for place in (3, 8, 12, 18):
        wrong = str((int(right[place]) + 1) % 10)
        yield f"https://orcid.org/{right[:place]}{wrong}{right[place + 1 :]}"


@pytest.mark.parametrize(
    "text", [*one_digit_wrong(), "0000-0002-1825-0097", "http://orcid.org/0000-0002-1825-0097", "ORCID", ""]
)
def test_an_orcid_that_is_none_is_found(text: str, check_mutant: CheckMutant) -> None:
    report = check_mutant(SCAN, lambda file: put(file, "user/ORCID", text))
    assert [(f.code, f.path) for f in report.errors] == [("ORCID", f"/{ENTRY}/user/ORCID")]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("O5 V2", True), ("C6 H12 O6", True), ("C H4", True), ("Al2 O3", True), ("Cu0.5 O V2", True), ("Na Cl", False),
        ("V2O5", False), ("V2 O5", False), ("H4 C", False), ("Xx2", False), ("O5  V2", False), ("O2 O3", False),
        ("vanadia", False),
    ],
)  # fmt: skip
def test_a_formula_is_in_hill_order(text: str, right: bool, check_mutant: CheckMutant) -> None:
    report = check_mutant(SCAN, lambda file: put(file, "sample/chemical_formula", text))
    told = [(f.code, f.level) for f in report.violations if f.path.endswith("chemical_formula")]
    assert told == ([] if right else [("FORMULA", "warning")])
