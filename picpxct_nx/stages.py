"""Stages: how far a product has come, and what must be run before a command can take it."""

from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction, SpectralCube

# The command that leads to each stage, in the order of the chain.
STEPS = {
    "reconstructed": "reconstruct",
    "flattened": "flatten",
    "stacked": "stack",
    "aligned": "align",
    "registered": "register",
}


def require(record: Reconstruction | SpectralCube, wanted: str, command: str) -> None:
    """Refuse a product of another stage than a command wants.

    Raises
    ------
    InputError
        The stage is another one; the message names what must be run first.
    """
    if record.stage == wanted:
        return
    order = list(STEPS)
    if order.index(record.stage) > order.index(wanted):
        remedy = f"it has been through {STEPS[record.stage]} already; give the file from before"
    else:
        missing = [STEPS[stage] for stage in order[order.index(record.stage) + 1 : order.index(wanted) + 1]]
        remedy = f"run picpxct {', then '.join(missing)} first"
    raise InputError(f"{record.entry}: is {record.stage}; {command} wants {wanted}: {remedy}")
