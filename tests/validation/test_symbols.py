"""Symbols: what stands outside repeated groups says how long they are inside."""

import h5py
import numpy as np

from .test_standard_faults import Mutate, report


def _lengthen(*fields: str) -> Mutate:
    """A second monitor, and in it fields that are five longer than in the first."""

    def mutate(entry: h5py.Group) -> None:
        monitor = next(name for name, group in entry.items() if group.attrs.get("NX_class") == "NXmonitor")
        entry.copy(monitor, "second_monitor")
        for name in fields:
            old = entry["second_monitor"][name]
            attributes, longer = dict(old.attrs), np.arange(len(old) + 5).astype(old.dtype)
            del entry["second_monitor"][name]
            entry["second_monitor"][name] = longer
            entry["second_monitor"][name].attrs.update(attributes)

    return mutate


def test_repeated_groups_keep_the_symbols_of_the_rest() -> None:
    def symbols(*fields: str) -> list[tuple[str, str]]:
        faults = report("NXtofraw", _lengthen(*fields)).violations
        return sorted((fault.path.split("/")[-1], fault.level) for fault in faults if fault.code == "SYMBOL")

    assert symbols() == []
    assert symbols("data") == [("data", "error")]
    # With an axis of its own it can be read by itself.
    assert symbols("data", "time_of_flight") == [("data", "warning"), ("time_of_flight", "warning")]
