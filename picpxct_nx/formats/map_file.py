"""Map files: one TOML file a facility says where its HDF5 or NumPy files have arrays and values, and in which units.

    [arrays]
    data = "/entry/measurement/Eiger/data"
    positions = ["/entry/measurement/pseudo/y", "/entry/measurement/pseudo/x"]
    [axes]
    positions = "stage:+y,+x:um"
    frames = "-y,-x"
    [values]
    energy = { path = "/entry/snapshots/energy", units = "keV" }
    sample = { path = "/entry/sample/name" }

Keys are those of --map, so that an index or another file may stand in them. A number without `units` here must have an
attribute `units` in the file.
"""

import tomllib
from pathlib import Path
from typing import Any

from picpxct_nx.errors import InputError, MissingInputError, UsageError
from picpxct_nx.formats.foreign import parse_axes
from picpxct_nx.formats.form import Source
from picpxct_nx.formats.selection import JOINED, ROLES, Key, Place, parse_key, parse_role

_TABLES = ("arrays", "axes", "values")


def is_map_file(keys: str | None) -> bool:
    """Whether --map names a map file instead of keys."""
    return keys is not None and "=" not in keys and keys.lower().endswith(".toml")


def read_map_file(path: Path, axes: str | None = None) -> Source:
    """What a map file says of files, whose name is left open; --axes replaces what it says of the axes.

    Raises
    ------
    MissingInputError
        The map file cannot be read.
    InputError
        It is no TOML, or has other tables or names than those above.
    UsageError
        A key or the axes are not of their form.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MissingInputError(f"--map {path}: cannot be read ({error.strerror}); check the name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"--map {path}: is not TOML ({error})") from None
    if not set(table) <= set(_TABLES) or not all(isinstance(part, dict) for part in table.values()):
        raise InputError(f"--map {path}: has {', '.join(table)}; wanted tables {', '.join(_TABLES)} and nothing else")
    arrays, said, values = (table.get(name, {}) for name in _TABLES)
    keys = {role: _keys(role, text, path) for role, text in arrays.items()}
    found = {"positions": said.get("positions", ""), "frames": f"frames:{said['frames']}" if "frames" in said else ""}
    if not set(said) <= set(found) or not all(isinstance(text, str) for text in said.values()):
        raise InputError(f"--map {path}: [axes] has {', '.join(said)}; wanted texts positions and frames")
    written = ";".join(text for text in found.values() if text)
    places = {name: _place(name, value, path) for name, value in values.items()}
    return Source(Path(), keys, parse_axes(axes or written or None), places)


def _keys(role: str, text: Any, path: Path) -> tuple[Key, ...]:
    if role not in ROLES:
        raise InputError(f"--map {path}: [arrays] has '{role}'; wanted {', '.join(ROLES)}")
    texts = text if isinstance(text, list) and role == JOINED else [text]
    if not texts or not all(isinstance(each, str) for each in texts):
        raise InputError(f"--map {path}: [arrays] {role} is {text!r}; wanted a key, for positions also a list of two")
    return parse_role(role, texts[0]) if len(texts) == 1 else tuple(parse_key(each) for each in texts)


def _place(name: str, value: Any, path: Path) -> Place:
    if not isinstance(value, dict) or not {"path"} <= set(value) <= {"path", "units"}:
        raise InputError(f"--map {path}: [values] {name} is {value!r}; wanted {{ path = KEY, units = UNIT }}")
    unit = value.get("units")
    if not isinstance(value["path"], str) or not (unit is None or isinstance(unit, str)):
        raise UsageError(f"--map {path}: [values] {name}: path and units are texts")
    return Place(parse_key(value["path"]), unit)
