"""The options with which raw entries were simulated or imported, from the parameters that their steps tell."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from picpxct_nx.rerun.words import Words, is_none, quantity, text
from picpxct_nx.values import Values

# Commas between the roles of --map, not those in an index.
_COMMA = re.compile(r",(?![^\[]*\])")


def simulated(values: Values, _: Words) -> Words:
    """Every number that was recorded, whatever the preset has by now; a plan is all numbers."""
    preset = str(values["preset"])
    made = ["--preset", "tutorial" if preset.endswith(".toml") else preset, "--seed", text(values["seed"])]
    made += ["--energies", _listed(values, "energies_ev"), "--rotations", _listed(values, "rotations")]
    for name, value in sorted(values.items()):
        if "@" in name or name in ("preset", "seed", "energies_ev", "rotations"):
            continue
        if isinstance(value, np.ndarray) and value.ndim:
            said = _listed(values, name)
        else:
            said = quantity(values, name) if f"{name}@units" in values else text(value)
        made += ["--set", f"{name}={said}"]
    return tuple(made)


def _listed(values: Values, name: str) -> str:
    unit = str(values.get(f"{name}@units", ""))
    return ", ".join(f"{float(one)!r} {unit}".strip() for one in np.ravel(np.asarray(values[name])))


def imported(values: Values, others: Words) -> Words:
    """The file and the options; `others` are the step's foreign inputs in their order."""
    files = {role: [others[number - 1] for number in found] for role, found in numbers(values).items()}
    keys = [] if is_none(values.get("map", "none")) else _COMMA.split(str(values["map"]))
    parts = [_located(key, files) for key in keys]
    if not is_none(values.get("mask", "none")):
        parts.append(_located(f"mask={values['mask']}", files))
    made = [*files["main"], "--format", str(values["format"]), *(["--map", ",".join(parts)] if parts else [])]
    for name in ("axes", "center", "crop"):
        if str(values.get(name, "none")) not in ("none", "default"):
            made += [f"--{name}", str(values[name])]
    for name, value in sorted(values.items()):
        kind, _, path = name.partition(".")
        if kind in ("set", "assume") and "@" not in name:
            said = f"{text(value)} {values.get(f'{name}@units', '')}".strip()
            made += [f"--{kind}", f"{path.replace('.', '/')}={said}"]
    return tuple(made)


def numbers(values: Values) -> dict[str, list[int]]:
    """Which of the foreign inputs, counted from 1, is the file itself (main), and which hold the keys of a role."""
    said = (part.partition("=") for part in str(values.get("files", "main=1")).split(","))
    return {role: [int(number) for number in found.split("+")] for role, _, found in said}


def _located(part: str, files: Mapping[str, Sequence[str]]) -> str:
    """ROLE=KEYS of --map, with the names of files before keys that are not in the file itself."""
    role, _, said = part.partition("=")
    good = "good:" if said.startswith("good:") else ""
    keys = said.removeprefix(good).split("+")
    (own,) = files["main"]
    where = files.get(role, [own] * len(keys))
    # A mask that is a file alone is called so.
    named = [
        key if file == own else f"{file}::{key if (role, key) != ('mask', 'file') else ''}"
        for key, file in zip(keys, where, strict=True)
    ]
    return f"{role}={good}{'+'.join(named)}"
