"""Command lines of the recorded steps, as they can be run below `data/` of a deposit."""

import shlex

from picpxct_nx.deposit.lineage import ORIGINS, Lineage
from picpxct_nx.errors import InputError
from picpxct_nx.rerun.plan import Place, Run, inputs_of, others_of


def commands_of(lineage: Lineage) -> dict[str, str]:
    """Command line of every action that can be told as one, by its output.

    Raw entries lie where the deposit has them, products under `rerun/` by their UUIDs. What cannot be told, a step that
    began at its neighbour's image for example, has none; `picpxct rerun` knows more.
    """
    places = {uuid: Place(holding.archived, held.entry) for uuid, (holding, held) in lineage.held.items() if held.raw}
    files = {checksum: holding.archived for checksum, holding in lineage.auxiliary.items()}
    found: dict[str, str] = {}
    for action in lineage.ordered:
        step = action.step
        if step.command in ORIGINS:
            continue
        known = {**places, **{o: Place(f"rerun/{o}.nxs", "") for o in lineage.actions if o not in places}}
        run = Run(step.command, step, inputs_of(step), (action.output,), others_of(step))
        try:
            words = run.line(known, files)
        except (InputError, KeyError):
            continue
        if "warm_shift" in step.parameters or any(uuid not in known for uuid in run.inputs):
            continue
        found[action.output] = shlex.join(["picpxct", *words, "-o", f"rerun/{action.output}.nxs"])
    return found
