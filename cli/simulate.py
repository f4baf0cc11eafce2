"""picpxct simulate: raw scans of a known specimen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ._options import Json, Output, Overwrite, Quiet, Seed
from ._output import Delivery, deliver, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def simulate(
    output: Output = None,
    preset: Annotated[str, typer.Option("--preset", help="Which experiment: tutorial.")] = "tutorial",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change one number of the preset, for example n_positions=30."
        ),
    ] = None,
    energies: Annotated[
        str | None,
        typer.Option("--energies", help='Energies instead of the preset\'s, for example "5460 eV, 5471 eV".'),
    ] = None,
    rotations: Annotated[
        str | None, typer.Option("--rotations", help='Sample rotations instead of the preset\'s: "0 deg, 90 deg".')
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Simulate raw scans of a V2O5 particle: one scan an energy and sample rotation.

    The truth goes into the file. Example: picpxct simulate --preset tutorial -o scans/
    """
    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.experiment import simulate_experiment
    from picpxct_nx.simulate.record import make_scan, parameters_of

    delivery = Delivery(output=output, overwrite=overwrite, quiet=quiet, json=as_json)
    refuse_early(delivery)
    experiment = configure(preset, settings or (), energies=energies, rotations=rotations)
    count = len(experiment.energies_ev) * len(experiment.rotations)
    say(f"simulate: {count} scans of {experiment.n_positions} frames", quiet=quiet)

    def scans() -> "Iterator[Record]":
        for scan in simulate_experiment(experiment, seed):
            yield make_scan(scan, parameters_of(experiment, preset, seed))

    deliver(scans(), delivery, lambda record: {"entry": record.entry, "uuid": record.uuid, "title": record.title})
