"""What a file holds and what the user states, together: the values of a product that is no raw scan."""

from collections.abc import Mapping

import numpy as np

from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.assemble import entry_name
from picpxct_nx.values import Value


def state(
    held: Mapping[str, Value], given: Mapping[str, str], assumed: Mapping[str, str], names: meta.Names, file: str
) -> tuple[str, dict[str, Value], list[str]]:
    """Name of the entry, values by path, and sentences about what replaced what and what was assumed.

    Parameters
    ----------
    held : mapping
        Values that the file has, by path, in the units of the definition.
    given, assumed : mapping
        Text by short name or path: what is known (--set), and what nobody measured (--assume).
    names : Names
        What can be stated of the product.
    file : str
        Name of the file, for messages.

    Raises
    ------
    UsageError
        A name is unknown or stated twice, or a value is wrong.
    InputError
        A required value is missing; all are named.
    """
    stated = meta.settings(given, assumed, 0, names)
    values: dict[str, Value] = dict(held)
    notes: list[str] = []
    for path, value in stated.values.items():
        if path in values:
            notes.append(f"{path}: the file has {values[path]}; what was given is taken instead")
        values[path] = value
    meta.check_complete(values, file, names)
    notes += [f"{path}: assumed, nobody measured it" for path in sorted(stated.assumed)]
    if stated.assumed:
        values["assumed"] = np.array(sorted(stated.assumed), dtype=object)
    return entry_name(file, stated.entry, notes), values, notes


def parameters(given: Mapping[str, str], assumed: Mapping[str, str]) -> dict[str, Value]:
    """What was stated, as parameters of the step."""
    return {
        f"{kind}.{name.replace('/', '.')}": text
        for kind, texts in (("set", given), ("assume", assumed))
        for name, text in texts.items()
    }
