"""Units as other programs spell them: the same dimension in our closed set, for checks only, never to convert with.

Foreign files write products after UDUNITS (`m s-1`, `g.cm-3`, `1/(angstrom^2*s)`), names in full, and units that we
have no use for (tesla, bar, hours). Prefixes and factors do not matter here: what counts is the dimension.
"""

import re
from collections import Counter
from functools import lru_cache

from picpxct_nx import units
from picpxct_nx.errors import UnitError

_MAX_LETTERS = 64
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<symbol>[^\W\d_]+(?:_[^\W\d_]+)*|%|°C?)"
    r"|(?P<mark>[*/().·]|-(?=[^\W\d_])))"
)
_SCALED = re.compile(r"\s*(?!1(?![0-9.]|[eE][+-]?[0-9]))[0-9]")
_PREFIXES = frozenset("fpnuµμmcdhkMGTP")
_LONG_PREFIXES = ("femto", "pico", "nano", "micro", "milli", "centi", "deci", "kilo", "mega", "giga", "tera")
_PREFIXED = frozenset({"m", "s", "g", "A", "K", "rad", "Hz", "N", "J", "W", "Pa", "C", "V", "eV", "mol", "sr"}) | {
    "T", "ohm", "Ohm", "Ω", "bar", "l", "L", "Bq", "F", "H", "Torr"
}  # fmt: skip

# Other programs read an exavolt here, which nobody means.
_MISREAD = frozenset({"EV"})
# Same dimension in symbols of ours; an empty text is a pure number.
_NAMES = {
    "T": "kg/A/s^2", "tesla": "kg/A/s^2", "Tesla": "kg/A/s^2", "gauss": "kg/A/s^2", "Oe": "A/m",
    "bar": "Pa", "torr": "Pa", "Torr": "Pa", "mmHg": "Pa", "atm": "Pa", "psi": "Pa", "pascal": "Pa",
    "min": "s", "minute": "s", "h": "s", "hr": "s", "hour": "s", "day": "s", "year": "s",
    "degC": "K", "celsius": "K", "Celsius": "K", "degree_Celsius": "K", "°C": "K", "deg_C": "K", "degF": "K",
    "ohm": "V/A", "Ohm": "V/A", "Ω": "V/A", "F": "C/V", "farad": "C/V", "H": "V*s/A", "henry": "V*s/A",
    "l": "m^3", "L": "m^3", "liter": "m^3", "litre": "m^3", "in": "m", "inch": "m", "ft": "m", "mil": "m",
    "hertz": "Hz", "watt": "W", "newton": "N", "volt": "V", "coulomb": "C", "mole": "mol", "gram": "g", "erg": "J",
    "joule": "J", "Bq": "1/s", "becquerel": "1/s", "gray": "Gy", "Sv": "Gy", "Da": "kg", "amu": "kg",
    "bohr": "m", "hartree": "eV", "Ry": "eV", "S": "A/V", "Wb": "V*s",
    "arcmin": "rad", "arcsec": "rad", "arcminute": "rad", "arcsecond": "rad", "arcdeg": "rad", "rev": "rad",
    "revolution": "rad", "turn": "rad", "rpm": "1/s", "RPM": "1/s", "steradian": "sr", "barns": "barn",
    "ppm": "", "ppb": "", "dimensionless": "", "unitless": "", "none": "", "None": "", "n/a": "", "dB": "", "db": "",
    "photon": "count", "neutron": "count", "electron": "count", "ion": "count", "pulse": "count", "event": "count",
    "hit": "count", "atom": "count", "bin": "count", "channel": "count", "step": "count", "frame": "count",
    "bit": "count", "byte": "count", "counts": "count", "GB": "count", "MB": "count", "pixels": "pixel",
    "ADU": "count", "adu": "count", "voxel": "count",
    "au": "", "arb": "",
}  # fmt: skip


@lru_cache(1024)
def fits(text: str, wanted: str) -> bool:
    """Whether a unit in anybody's spelling has the dimension of `wanted`; a count passes for a number.

    Raises
    ------
    UnitError
        A symbol of `text` is unknown, or it is no product of symbols.
    """
    found, target = dimension(text), dimension(wanted)
    uncounted = {symbol: power for symbol, power in found.items() if symbol != "count"}
    return any(_same(factors, target) for factors in (found, uncounted))


def _same(factors: dict[str, int], target: dict[str, int]) -> bool:
    return units.fits(_product(factors), _product(target))


def _product(factors: dict[str, int]) -> str:
    return "*".join(f"{symbol}^{power}" for symbol, power in sorted(factors.items()))


def refuse_number(text: str) -> None:
    """A unit does not begin with a number other than 1, which programs would multiply with or pass over.

    Raises
    ------
    UnitError
        It does.
    """
    if _SCALED.match(text):
        raise UnitError(f"cannot read the unit '{text}': a unit has no number; write it into the values")


@lru_cache(1024)
def advice(text: str) -> str | None:
    """Our spelling of a unit that stands in the table of aliases, or None."""
    stripped = text.strip()
    if stripped in units.ALIASES:
        return units.ALIASES[stripped]
    found = re.sub(r"[^\W\d_]+", lambda match: units.ALIASES.get(match[0], match[0]), stripped)
    return found if found != stripped else None


def dimension(text: str) -> dict[str, int]:
    """Powers of our own symbols that a unit amounts to, whatever its scale.

    Raises
    ------
    UnitError
        As `fits`.
    """
    if len(text) > _MAX_LETTERS:
        raise UnitError(f"a unit of {len(text)} letters ('{text[:20]}...'); wanted a short one such as 'eV'")
    total: Counter[str] = Counter()
    # Signs of the brackets that are open; a slash binds to the next factor only.
    signs, sign, mark, place = [1], 1, "", 0
    clean = text.strip().replace("²", "^2").replace("³", "^3").replace("⁻¹", "^-1").replace("⋅", "*")
    while place < len(clean):
        match = _TOKEN.match(clean, place)
        if match is None or (match["mark"] == "/" == mark) or (match["mark"] == ")" and len(signs) == 1):
            raise UnitError(f"cannot read the unit '{text}'; write a product such as 'eV', '1/um' or 'counts/s'")
        place, mark = match.end(), match["mark"] or ""
        if match["symbol"]:
            place, power = _power(clean, place)
            for name, times in _symbol(match["symbol"], text).items():
                total[name] += times * power * sign * signs[-1]
        elif mark == "(":
            signs.append(signs[-1] * sign)
        elif mark == ")":
            signs.pop()
        sign = -1 if mark == "/" else sign if mark else 1
        sign = 1 if mark == "(" else sign
    if mark in ("/", "*", "(") or len(signs) > 1:
        raise UnitError(f"cannot read the unit '{text}'; it ends too early")
    return {name: power for name, power in total.items() if power}


_POWER = re.compile(r"(?:\s*(?:\^|\*\*)\s*\(?)?([+-]?[0-9]{1,2})\)?(?![0-9.])")


def _power(text: str, place: int) -> tuple[int, int]:
    """End and value of the exponent at a place: `^2`, `**-1`, `^(-1)`, or after UDUNITS `-1` and `2`."""
    match = _POWER.match(text, place)
    return (match.end(), int(match[1])) if match else (place, 1)


@lru_cache(1024)
def _known(symbol: str) -> str | None:
    """Our text of the dimension of one symbol, or None."""
    if symbol in _NAMES:
        return _NAMES[symbol]
    alias = units.ALIASES.get(symbol) if symbol not in _MISREAD else None
    try:
        units.parse(alias or symbol)
    except UnitError:
        return None
    return alias or symbol


def _symbol(symbol: str, text: str) -> dict[str, int]:
    shorter = [symbol, *([symbol.removesuffix("s")] if len(symbol) > 3 else [])]
    shorter += [symbol.removeprefix(prefix) for prefix in _LONG_PREFIXES if symbol.startswith(prefix)]
    shorter += [name.removesuffix("s") for name in shorter[2:]]
    if symbol[:1] in _PREFIXES and symbol[1:] in _PREFIXED:
        shorter.append(symbol[1:])
    if symbol[:2] == "da" and symbol[2:] in _PREFIXED:
        shorter.append(symbol[2:])
    for name in shorter:
        found = _known(name)
        if found is not None:
            return {name: 1} if found == name else dimension(found)
    hint = f"; did you mean '{units.ALIASES[symbol]}'?" if symbol in units.ALIASES else ""
    raise UnitError(f"unknown unit '{text}': nobody knows '{symbol}'{hint}")
