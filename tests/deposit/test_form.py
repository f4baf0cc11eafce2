"""The form: what it must say, what files say already, and every mistake at once."""

from typing import Any

import pytest

from picpxct_nx.deposit.form import Said, read
from picpxct_nx.deposit.metadata import Institution, Person
from picpxct_nx.deposit.sheet import overridden, parse
from picpxct_nx.deposit.template import template
from picpxct_nx.errors import ConfigError, UsageError

SAID = Said(samples=("simulated V2O5 particle",), instruments=("simulated beamline",), proposals=("p1",))


def faults(form: dict[str, Any], said: Said = SAID) -> dict[str, str]:
    """Code by place of every error."""
    return {one.place.removeprefix("deposit.toml: "): one.code for one in read(form, said)[1] if one.level == "error"}


def test_a_whole_form_has_no_fault(form: dict[str, Any]) -> None:
    made, found = read(form, SAID)
    assert found == ()
    assert made.creators[0].name == "Josiah Carberry"
    assert [place.name for place in made.creators[1].affiliations] == ["ETH Zurich", "Paul Scherrer Institute"]
    assert made.samples[0].pid is not None
    assert made.year == "2026"
    assert made.proposal == "p1"


@pytest.mark.parametrize(
    ("path", "value", "place", "code"),
    [
        ("license", "CC BY 4.0", "license", "LICENCE"),
        ("license", None, "license", "MISSING"),
        ("title", "  ", "title", "MISSING"),
        ("date", "yesterday", "date", "DATE"),
        ("date", "2026-02-30", "date", "DATE"),
        ("creators", [], "creators", "CREATOR"),
        ("creators", [{"family": "Example", "orcid": "0000-0002-1825-0097"}], "creators", "AFFILIATION"),
        ("creators", [{"family": "E", "affiliation": "PSI"}], "creators", "AFFILIATION_ROR"),
        ("creators", [{"family": "E", "affiliation": "PSI", "ror": "https://ror.org/03eh3y715"}], "creators 1: ror",
         "IDENTIFIER"),
        ("creators", [{"family": "E", "orcid": "0000-0002-1825-0098"}], "creators 1: orcid", "IDENTIFIER"),
        ("creators", "Ada", "creators", "KIND"),
        ("licence", "CC0-1.0", "licence", "UNKNOWN_TERM"),
        ("techniques", ["PaNET99999"], "techniques", "UNKNOWN_TERM"),
        ("related", [{"pid": "10.1/x", "relation": "Supplements"}], "related 1: relation", "UNKNOWN_TERM"),
        ("related", [{"relation": "Cites"}], "related 1: pid", "MISSING"),
        ("contributors", [{"family": "H", "role": "Helper"}], "contributors 1: role", "UNKNOWN_TERM"),
        ("samples", [{"name": "other"}], "samples 1: name", "UNKNOWN_NAME"),
        ("publisher", {"name": "PSI"}, "publisher", "MISSING"),
        ("external_inputs", {"x": "y"}, "external_inputs", "IDENTIFIER"),
        ("scicat", {"owner_group": "p1", "source_folder": "data", "creation_location": "/PSI"}, "scicat: source_folder",
         "PATH"),
        ("keywords", "V2O5", "keywords", "KIND"),
        ("funding", [{"funder": "SNSF"}], "funding", "FUNDER_ROR"),
        ("contributors", [{"family": "H", "role": "Other", "affiliation": "PSI"}], "contributors", "AFFILIATION_ROR"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_is(form: dict[str, Any], path: str, value: Any, place: str, code: str) -> None:
    form[path] = value
    found = read(form, SAID)[1]
    assert (f"deposit.toml: {place}", code) in {(one.place, one.code) for one in found if one.level == "error"}


def test_all_mistakes_are_told_at_once() -> None:
    found = faults({"licence": "x", "creators": [{"orcid": "1"}]})
    assert {"title", "license", "date", "publisher", "licence", "creators 1: orcid", "creators 1: family"} <= set(found)


def test_a_key_that_is_misspelt_is_guessed(form: dict[str, Any]) -> None:
    form["licence"] = "CC-BY-4.0"
    (fault,) = read(form, SAID)[1]
    assert "did you mean 'license'?" in fault.message


def test_the_files_say_who_measured_where_the_form_does_not(form: dict[str, Any]) -> None:
    del form["creators"], form["scicat"]
    place = Institution("Paul Scherrer Institute", url="https://www.psi.ch")
    user = Person("Ada", "Example", "https://orcid.org/0000-0002-1825-0097", (place,))
    made, found = read(form, Said(people=(user,), samples=SAID.samples, instruments=SAID.instruments))
    assert made.creators == (user,)
    assert found == ()


def test_options_win_over_the_form(form: dict[str, Any]) -> None:
    made = overridden(
        form, ["license=CC0-1.0", "publisher.name=Zenodo", 'keywords=["a", "b"]', "scicat.proposal=20261"]
    )
    metadata, found = read(made, SAID)
    assert found == ()
    assert (metadata.licence, metadata.publisher.name, metadata.keywords) == ("CC0-1.0", "Zenodo", ("a", "b"))
    assert metadata.scicat is not None
    assert metadata.scicat.proposal == "20261"
    assert form["license"] == "CC-BY-4.0"


@pytest.mark.parametrize("text", ["license", "=x", "creators.given=Ada"])
def test_a_setting_that_leads_nowhere_is_refused(form: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        overridden(form, [text])


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(ConfigError, match="--init"):
        parse("title = ", "deposit.toml")


def test_the_template_is_a_form_that_lacks_only_what_people_must_say() -> None:
    user = Person('Ada "A."', "Example", "https://orcid.org/0000-0002-1825-0097", (Institution("PSI"),))
    text = template(Said((user,), ('a "sample"',), ("cSAXS",), ("SLS",), ("20261234",)))
    form = parse(text, "deposit.toml")
    assert form["creators"][0]["given"] == 'Ada "A."'
    assert form["proposal"] == "20261234"
    assert set(faults(form).values()) == {"MISSING", "AFFILIATION_ROR"}


def test_every_optional_key_of_the_template_may_be_used() -> None:
    lines = template(SAID).splitlines()
    text = "\n".join(line.removeprefix("# ") for line in lines if "=" in line or line.lstrip("# ").startswith("["))
    form = parse(text.replace('"10.1107/..."', '"10.1107/x"').replace('= ""', '= "x"'), "deposit.toml")
    assert "UNKNOWN_TERM" not in faults(form | {"techniques": []}).values()
