"""Identifiers: one spelling each, and a slip of the pen shows."""

import pytest

from picpxct_nx.deposit import identifiers


@pytest.mark.parametrize("text", ["0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097", "0000000218250097"])
def test_an_orcid_has_one_spelling(text: str) -> None:
    assert identifiers.orcid(text) == "https://orcid.org/0000-0002-1825-0097"


def test_an_orcid_may_end_in_ten() -> None:
    assert identifiers.orcid("0000-0002-1694-233X") == "https://orcid.org/0000-0002-1694-233X"


def test_every_single_wrong_digit_of_an_orcid_shows() -> None:
    right = "0000-0002-1825-0097"
    for place, old in enumerate(right):
        for new in "0123456789":
            if old.isdigit() and new != old:
                assert identifiers.orcid(right[:place] + new + right[place + 1 :]) is None


@pytest.mark.parametrize("text", ["03eh3y714", "https://ror.org/05a28rw58", "https://ror.org/00yjd3n13", "02nv7yv05"])
def test_a_ror_is_known_by_its_check_digits(text: str) -> None:
    found = identifiers.ror(text)
    assert found == f"https://ror.org/{text[-9:]}"
    for last in range(10):
        other = text[:-1] + str(last)
        assert (identifiers.ror(other) is not None) == (other == text)


def test_a_doi_is_written_in_lower_case() -> None:
    for text in ("10.1107/S16005", "doi:10.1107/S16005", "https://doi.org/10.1107/S16005"):
        found = identifiers.pid(text)
        assert found is not None
        assert (found.scheme, found.value, found.url) == ("DOI", "10.1107/s16005", "https://doi.org/10.1107/s16005")


def test_samples_and_instruments_have_dois_handles_or_old_igsns() -> None:
    assert identifiers.igsn("IGSN: AU1101") == ("IGSN", "AU1101", "https://hdl.handle.net/10273/AU1101")
    assert identifiers.igsn("https://doi.org/10.58052/IEXYZ0001") == identifiers.doi("10.58052/iexyz0001")
    assert identifiers.pid("hdl:21.T11148/0a1b") == (
        "Handle",
        "21.T11148/0a1b",
        "https://hdl.handle.net/21.T11148/0a1b",
    )
    assert identifiers.pid("cSAXS") is None


@pytest.mark.parametrize("text", ["ada@example.org", "a.b+c@psi.ch"])
def test_an_address_for_letters_is_known(text: str) -> None:
    assert identifiers.email(text) == text
    assert identifiers.email(text.replace("@", " at ")) is None
