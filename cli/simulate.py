"""picpxct simulate: raw scans of a known specimen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import _experiment_options as e
from . import _options as o
from ._output import Delivery, deliver, is_done, refuse_early
from ._planned import experiment_of
from ._talk import complain, say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def simulate(
    output: o.Output = None,
    preset: e.Preset = "tutorial",
    settings: e.Numbers = None,
    energies: e.Energies = None,
    rotations: e.Rotations = None,
    only: e.Only = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Simulate raw scans of a V2O5 particle: one scan an energy and sample rotation.

    The truth goes into the file. The paper's experiment, --preset paper, is 120 scans of 240 MB.

    Example: picpxct simulate --preset tutorial -o scans/
    """
    from picpxct_nx.simulate.doubts import doubts
    from picpxct_nx.simulate.experiment import simulate_scan
    from picpxct_nx.simulate.exposure import in_words
    from picpxct_nx.simulate.record import common_truth, entry_name, make_scan, parameters_of, planned

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    experiment, _ = experiment_of(preset, settings or (), energies, rotations)
    parameters = parameters_of(experiment, preset, seed)
    wanted, common = planned(experiment, only or ()), common_truth(experiment, seed)
    say(f"simulate: {in_words(experiment)}", quiet=quiet)
    for doubt in doubts(experiment, seed):
        complain(f"simulate: warning: {doubt}")
    for name in (name for name in parameters if "@" not in name):
        delivery.note(f"{name} = {parameters[name]} {parameters.get(f'{name}@units', '')}".rstrip())

    def scans() -> "Iterator[Record]":
        for energy_ev, rotation in wanted:
            if not is_done(entry_name(energy_ev, rotation), delivery):
                yield make_scan(simulate_scan(experiment, energy_ev, rotation, seed=seed), parameters, common)

    deliver(scans(), delivery, lambda record: {"entry": record.entry, "uuid": record.uuid, "title": record.title})
