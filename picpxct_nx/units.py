"""Units: the one pint registry, closed and small, and what each NeXus unit category demands.

Files and command lines carry units as text; inside, numbers are SI floats (energies in eV). This module is the
boundary: it parses unit text, says whether a unit fits a NeXus category, and converts.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from picpxct_nx.errors import UnitError, UsageError

if TYPE_CHECKING:
    import pint

# Units of the registry that may carry a prefix. The others (count, percent, deg, ...) never do.
_PREFIXED = frozenset({"m", "s", "g", "A", "K", "rad", "Hz", "N", "J", "W", "Pa", "C", "V", "eV", "barn", "Gy", "mol"})
_PLAIN = frozenset({"deg", "sr", "count", "pixel", "percent", "angstrom"})
_PLURALS = {"counts": "count", "pixels": "pixel", "%": "percent"}
_PREFIXES = ("n", "u", "µ", "μ", "m", "c", "k", "M", "G")

# A product of symbols with exponents of one digit: eV, 1/um, counts/s, kg*m^2/s**2. Brackets are not needed.
_LONGEST = 64
_FACTOR = re.compile(r"(?P<symbol>[^\W\d_]+|%|1)(?:(?:\^|\*\*)(?P<exponent>[+-]?[1-9]))?\Z")
_SPLIT = re.compile(r"\s*(/|(?<!\*)\*(?!\*)|\s)\s*")
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*(?P<number>{_NUMBER})\s*(?P<unit>.*?)\s*\Z", re.DOTALL)

# A unit as the product it was written as: symbols of the closed set, sorted, with exponents that are not zero.
Unit: TypeAlias = tuple[tuple[str, int], ...]

# Decimal, so that a factor is the float nearest to the exact one: 1 keV is 1000 eV to the last bit.
_ONE = Decimal(1)

# What the unit of a category must be convertible to, and the text that our files write. None: any unit or none.
CATEGORIES: Mapping[str, str | None] = MappingProxyType(
    {
        "NX_ANGLE": "rad",
        "NX_ANY": None,
        "NX_AREA": "m^2",
        "NX_CHARGE": "C",
        "NX_COUNT": "",
        "NX_CROSS_SECTION": "m^2",
        "NX_CURRENT": "A",
        "NX_DIMENSIONLESS": "",
        "NX_EMITTANCE": "m*rad",
        "NX_ENERGY": "eV",
        "NX_FLUX": "1/s/m^2",
        "NX_FREQUENCY": "Hz",
        "NX_LENGTH": "m",
        "NX_MASS": "kg",
        "NX_MASS_DENSITY": "kg/m^3",
        "NX_MOLECULAR_WEIGHT": "g/mol",
        "NX_PERIOD": "s",
        "NX_PER_AREA": "1/m^2",
        "NX_PER_LENGTH": "1/m",
        "NX_POWER": "W",
        "NX_PRESSURE": "Pa",
        "NX_PULSES": "",
        "NX_SCATTERING_LENGTH_DENSITY": "1/m^2",
        "NX_SOLID_ANGLE": "sr",
        "NX_TEMPERATURE": "K",
        "NX_TIME": "s",
        "NX_TIME_OF_FLIGHT": "s",
        "NX_UNITLESS": "",
        "NX_VOLTAGE": "V",
        "NX_VOLUME": "m^3",
        "NX_WAVELENGTH": "m",
        "NX_WAVENUMBER": "1/m",
    }
)

# The unit of an NX_TRANSFORMATION field follows from its @transformation_type.
TRANSFORMATION_UNITS: Mapping[str, str] = MappingProxyType({"translation": "m", "rotation": "rad", "direction": ""})

# Spellings that foreign files use. Imports may translate them, and report each one that they used.
ALIASES: Mapping[str, str] = MappingProxyType({
    "Angstrom": "angstrom", "Angstroms": "angstrom", "angstroms": "angstrom", "Å": "angstrom",
    "\u212b": "angstrom", "Ångstrom": "angstrom",
    "metre": "m", "meter": "m", "metres": "m", "meters": "m", "millimeter": "mm", "millimetre": "mm",
    "micron": "um", "microns": "um", "micrometer": "um", "micrometre": "um", "nanometer": "nm", "nanometre": "nm",
    "sec": "s", "second": "s", "seconds": "s", "msec": "ms", "usec": "us",
    "degree": "deg", "degrees": "deg", "°": "deg", "radian": "rad", "radians": "rad",
    "Degree": "deg", "Degrees": "deg", "DEGREES": "deg",
    "electronvolt": "eV", "ev": "eV", "EV": "eV", "KeV": "keV", "kev": "keV", "KEV": "keV", "joule": "J",
    "photons": "count", "photon": "count", "ph": "count", "photons/s": "count/s", "ph/s": "count/s",
    "cnts": "count", "cts": "count", "cps": "count/s",
    "px": "pixel", "kelvin": "K", "ampere": "A", "amps": "A", "mAmp": "mA", "Amp": "A",
})  # fmt: skip


@cache
def _registry() -> "pint.UnitRegistry[Decimal]":
    # Late: most files are written in the very units that are wanted, and pint takes longer to load than they to check.
    import pint

    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(None, cache_folder=None, non_int_type=Decimal)
    registry.load_definitions(files("picpxct_nx").joinpath("units.txt").read_text("utf-8").splitlines())
    return registry


def _symbol(text: str) -> str | None:
    """Registry name of one unit symbol, or None where it is not one of the closed set."""
    if text in _PREFIXED or text in _PLAIN:
        return text
    if text in _PLURALS:
        return _PLURALS[text]
    if text[:1] in _PREFIXES and text[1:] in _PREFIXED:
        # Both micro signs are written as u.
        return f"u{text[1:]}" if text[0] in "µμ" else text
    return None


def _unknown(text: str, symbol: str) -> UnitError:
    hint = f"; did you mean '{ALIASES[symbol]}'?" if symbol in ALIASES else ""
    return UnitError(
        f"unknown unit '{text}': '{symbol}' is not one of our units (m, nm, eV, keV, rad, deg, s, ...){hint}"
    )


@lru_cache(1024)
def parse(text: str) -> Unit:
    """Unit that a text names, as symbols and exponents; the empty text is dimensionless.

    Two texts that give the same product are the same unit, which needs no registry: `1/um` and `um^-1`.

    Raises
    ------
    UnitError
        A symbol is not in the closed set, or the text is not a product of symbols with whole exponents.
    """
    if text in ("", "1"):
        return ()
    if len(text) > _LONGEST:
        raise UnitError(f"a unit of {len(text)} letters ('{text[:20]}...'); wanted a short one such as 'eV'")
    exponents: Counter[str] = Counter()
    pieces = _SPLIT.split(text.strip())
    for operator, factor in zip(["*", *pieces[1::2]], pieces[0::2], strict=True):
        match = _FACTOR.match(factor)
        if match is None:
            raise UnitError(f"cannot read the unit '{text}'; write a product such as 'eV', '1/um' or 'counts/s'")
        if match["symbol"] == "1":
            continue
        name = _symbol(match["symbol"])
        if name is None:
            raise _unknown(text, match["symbol"])
        exponent = int(match["exponent"] or 1)
        exponents[name] += -exponent if operator == "/" else exponent
    return tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))


def _one(unit: Unit) -> "pint.Quantity[Decimal]":
    """One of a unit, as a quantity of the registry."""
    result = _registry().Quantity(_ONE, "")
    for name, exponent in unit:
        result = result * _registry().Quantity(_ONE, name) ** exponent
    return result


@lru_cache(1024)
def fits(text: str, wanted: str) -> bool:
    """Whether the unit `text` is convertible to the unit `wanted`; angles do not pass for numbers.

    Raises
    ------
    UnitError
        `text` is not a unit of ours.
    """
    found, target = parse(text), parse(wanted)
    return found == target or bool(_one(found).dimensionality == _one(target).dimensionality)


def canonical(category: str) -> str | None:
    """Unit text that our files write for a NeXus category or an example unit; None where any unit may stand."""
    return CATEGORIES.get(category, category)


@lru_cache(1024)
def factor(source: str, target: str) -> float:
    """Number by which a value in `source` units is multiplied to be in `target` units.

    Raises
    ------
    UnitError
        The two have different dimensions, or one is unknown.
    """
    if not fits(source, target):
        raise UnitError(f"'{source}' is not convertible to '{target}'")
    found, wanted = parse(source), parse(target)
    return 1.0 if found == wanted else float(_one(found).to(_one(wanted).units).magnitude)


def quantity(text: str, wanted: str) -> float:
    """Value of a command-line quantity such as "5483.4 eV" in `wanted` units.

    Raises
    ------
    UsageError
        No number, no unit, an unknown unit or one of another dimension.
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise UsageError(f"'{text}' is not a quantity; write a number and a unit, for example '1 {wanted}'")
    unit = match["unit"]
    if not unit and wanted:
        raise UsageError(f"'{text}' has no unit; write it, for example '{match['number']} {wanted}'")
    try:
        value = float(match["number"]) * factor(unit, wanted)
    except UnitError as error:
        raise UsageError(f"'{text}': {error}") from None
    if not math.isfinite(value):
        raise UsageError(f"'{text}' is too large; wanted a finite number of {wanted or 'no unit'}")
    return value


def translate(text: str) -> tuple[str, str | None]:
    """Unit of a foreign file in our spelling, with a sentence to report where an alias was used.

    Raises
    ------
    UnitError
        The text is neither a unit of ours nor a known alias.
    """
    stripped = text.strip()
    if stripped in ALIASES:
        return ALIASES[stripped], f"unit '{stripped}' was read as '{ALIASES[stripped]}'"
    parse(stripped)
    return stripped, None if stripped == text else f"unit '{text}' was read as '{stripped}'"
