"""Units mean what a physicist means by them, conversions are exact, and what could mean two things is refused."""

import itertools
import subprocess
import sys
from fractions import Fraction

import pytest
from scipy import constants

from picpxct_nx import units
from picpxct_nx.errors import UnitError, UsageError

PREFIXES = {"n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9}
PREFIXED = ["m", "s", "g", "A", "K", "rad", "Hz", "N", "J", "W", "Pa", "C", "V", "eV", "barn", "Gy", "mol"]
PLAIN = ["deg", "sr", "count", "pixel", "percent", "angstrom"]

# What real files hold and pint, or another program, would silently take for something else.
TREACHEROUS = {
    "EV": "exavolt", "a.u.": "atomic mass unit times year", "au": "astronomical unit", "ph/s": "picohour per second",
    "ph": "picohour", "px": "a CSS pixel, a length", "pH": "picohenry", "mil": "a thousandth, or of an inch",
    "min": "milli-inch", "h": "Planck's constant", "Angstrom": "undefined", "s-1": "a TypeError",
    "cm-2": "a TypeError", '"': "an AssertionError", " ": "nothing", "  ": "nothing", "photons": "undefined",
    "Ohm": "undefined", "RAD": "undefined", "unitless": "undefined", "none": "undefined", "arb.": "undefined",
    "ADU": "undefined", "cm3": "undefined", "mm2": "undefined", "steps": "undefined", "NX_LENGTH": "a category",
    "keV ": "", "degC": "an offset", "ppm": "", "in": "inch", "ft": "foot", "T": "tesla", "1e3": "a number",
    "m^0": "no length", "m^0.5": "a root", "m^10": "too many", "m^²": "a superscript", "m²": "a superscript",
    "m//s": "", "/s": "", "m*": "", "*": "", "(m)": "", "1/(m s)": "", "м": "a Cyrillic letter", "ｍ": "a wide letter",
    "um\x00": "", "m;s": "", "__class__": "", "eval": "",
}  # fmt: skip


@pytest.mark.parametrize("text", [text for text in TREACHEROUS if text != "keV "])
def test_a_treacherous_unit_is_unknown(text: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"), [("EV", "eV"), ("px", "pixel"), ("ph/s", "count"), ("Angstrom", "angstrom")]
)
def test_an_unknown_unit_says_what_may_be_meant(text: str, meant: str) -> None:
    with pytest.raises(UnitError, match=f"did you mean '{meant}'"):
        units.parse(text)


def test_the_ampere_is_a_current_and_nothing_else() -> None:
    assert units.fits("A", "C/s")
    assert not units.fits("A", "m")
    assert not units.fits("A", "angstrom")


def test_the_set_is_closed_and_small() -> None:
    assert len(PREFIXED) + len(PLAIN) <= 25
    with pytest.raises(UnitError):
        units.parse("parsec")


def test_both_micro_signs_are_the_same() -> None:
    assert units.parse("\u00b5m") == units.parse("\u03bcm") == units.parse("um")


@pytest.mark.parametrize(("prefix", "unit"), list(itertools.product(PREFIXES, PREFIXED)))
def test_every_prefix_goes_with_every_unit_that_takes_one(prefix: str, unit: str) -> None:
    exact = float(Fraction(10) ** PREFIXES[prefix])
    assert units.factor(f"{prefix}{unit}", unit) == exact
    assert units.factor(f"1/{prefix}{unit}", f"1/{unit}") == float(1 / Fraction(10) ** PREFIXES[prefix])


@pytest.mark.parametrize(("prefix", "unit"), list(itertools.product(PREFIXES, PLAIN)))
def test_no_prefix_goes_with_the_others(prefix: str, unit: str) -> None:
    with pytest.raises(UnitError):
        units.parse(f"{prefix}{unit}")


@pytest.mark.parametrize(
    ("source", "target", "exact"),
    [
        ("eV", "J", constants.elementary_charge), ("keV", "eV", 1000.0), ("angstrom", "m", 1e-10),
        ("nm", "angstrom", 10.0), ("deg", "rad", constants.degree), ("barn", "m^2", 1e-28), ("Gy", "J/kg", 1.0),
        ("Hz", "1/s", 1.0), ("W", "V*A", 1.0), ("Pa", "N/m^2", 1.0), ("C", "A s", 1.0), ("g/cm^3", "kg/m^3", 1000.0),
        ("percent", "", 0.01), ("%", "1", 0.01), ("counts", "count", 1.0), ("pixels", "pixel", 1.0),
        ("sr", "rad**2", 1.0), ("1/um", "1/m", 1e6), ("mm", "um", 1000.0), ("m/m", "", 1.0),
    ],
)  # fmt: skip
def test_conversions_are_exact(source: str, target: str, exact: float) -> None:
    """CODATA 2018 through scipy; the float nearest to the exact number."""
    assert units.factor(source, target) == exact


ALL = [*PREFIXED, *PLAIN, "um", "keV", "1/nm", "counts/s", "g/cm^3", "1/s/m^2", ""]


@pytest.mark.parametrize("text", ALL)
def test_a_unit_is_itself(text: str) -> None:
    assert units.factor(text, text) == 1.0


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(["m", "nm", "angstrom", "um", "km"], 2)))
def test_there_and_back_is_where_one_was(one: str, other: str) -> None:
    assert units.factor(one, other) * units.factor(other, one) == pytest.approx(1.0, rel=4e-16)


BASES = ["m", "s", "g", "A", "K", "rad", "count", "pixel", "mol", "", "eV", "sr", "Gy"]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(BASES, 2)))
def test_different_dimensions_never_pass_for_each_other(one: str, other: str) -> None:
    assert not units.fits(one, other)
    assert not units.fits(other, one)
    with pytest.raises(UnitError, match="not convertible"):
        units.factor(one, other)


def test_an_angle_is_no_number_and_a_count_is_none_either() -> None:
    assert not units.fits("deg", "")
    assert not units.fits("deg/s", "1/s")
    assert not units.fits("deg/s", "Hz")
    assert not units.fits("count", "")
    assert not units.fits("counts/s", "Hz")
    assert not units.fits("pixel", "m")
    assert units.fits("percent", "")


@pytest.mark.parametrize("text", ["1/um", "um^-1", "um**-1", "1 / um", "1/ um"])
def test_one_unit_may_be_written_in_several_ways(text: str) -> None:
    assert units.parse(text) == units.parse("1/um")


@pytest.mark.parametrize("category", [category for category, unit in units.CATEGORIES.items() if unit])
def test_the_unit_of_every_category_is_known(category: str) -> None:
    text = units.canonical(category)
    assert text
    assert units.fits(text, text)


def test_a_unit_of_many_letters_is_refused_at_once() -> None:
    with pytest.raises(UnitError, match="600002 letters") as caught:
        units.parse("m*" * 300_001)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [("5483.4 eV", "eV", 5483.4), ("5.4834keV", "eV", 5483.4), ("48.82 nm", "m", 48.82e-9), ("-1e-3 m", "mm", -1.0),
     (".5 deg", "rad", constants.degree / 2), ("3", "", 3.0), ("50 %", "", 0.5), ("1eV", "eV", 1.0),
     (" 2 mm ", "m", 2e-3)],
)  # fmt: skip
def test_a_quantity_is_a_number_and_a_unit(text: str, wanted: str, value: float) -> None:
    assert units.quantity(text, wanted) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["5483.4", "0", "", "eV", "5 keVs", "5 m", "5,4 eV", "nan eV", "inf eV", "1e999 eV",
                                  "5 5 eV", "٣ eV", "0x10 eV", "5 EV", "--1 eV", "1e eV"])  # fmt: skip
def test_anything_else_is_no_quantity_of_energy(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        units.quantity(text, "eV")
    assert repr(text)[1:-1] in str(caught.value)


def test_a_bare_number_is_told_how_to_be_written() -> None:
    with pytest.raises(UsageError, match=r"'5483\.4' has no unit; write it, for example '5483\.4 eV'"):
        units.quantity("5483.4", "eV")


@pytest.mark.parametrize("alias", units.ALIASES)
def test_an_alias_is_no_unit_but_its_translation_is_and_is_told(alias: str) -> None:
    with pytest.raises(UnitError):
        units.parse(alias)
    text, told = units.translate(alias)
    assert units.parse(text) is not None
    assert told is not None
    assert f"'{alias}'" in told
    assert f"'{text}'" in told


def test_a_unit_of_ours_needs_no_translation() -> None:
    assert units.translate("keV") == ("keV", None)


def test_blanks_that_are_dropped_are_told() -> None:
    assert units.translate(" ") == ("", "unit ' ' was read as ''")


def test_what_is_neither_unit_nor_alias_is_not_translated() -> None:
    with pytest.raises(UnitError):
        units.translate("furlong")


def test_the_registry_of_other_programs_is_not_touched() -> None:
    code = "import pint; before = pint.get_application_registry().Quantity(1, 'furlong'); " \
           "from picpxct_nx import units; units.parse('eV'); assert before.to('m').magnitude > 200"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
