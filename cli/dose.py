"""picpxct dose: the radiation dose of raw scans."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import _experiment_options as e
from . import _options as o
from ._input import read_entries
from ._output import Delivery, deliver, each, refuse_early
from ._talk import complain, say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def dose(
    inputs: o.Inputs = None,
    output: o.Output = None,
    accumulate: e.Accumulate = False,
    formula: e.Formula = None,
    density: e.DoseDensity = None,
    flux: e.Flux = None,
    mu: e.Mu = None,
    beam: e.BeamDiameter = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Dose at the surface of the sample, a map a scan, or one of all scans: fluence x photon energy x mu/rho.

    Example: picpxct dose --accumulate scans/*.nxs -o dose.nxs
    """
    from picpxct_nx.dose import record as made
    from picpxct_nx.dose.choice import choose
    from picpxct_nx.records import Scan

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    choice = choose(formula=formula, density=density, flux=flux, mu=mu, beam=beam)
    scans = read_entries(inputs, Scan, failed=delivery.fail if keep_going else None, note=delivery.note)

    def told(maps: "Iterator[Record]") -> "Iterator[Record]":
        for one in maps:
            sentence, warnings = made.sentences(one)
            say(f"dose: {sentence}", quiet=quiet)
            for warning in warnings:
                complain(f"dose: warning: {warning}")
            yield one

    if accumulate:
        deliver(told(made.accumulated((scan for scan, _ in scans), choice)), delivery, made.summary)
    else:
        deliver(told(each(scans, lambda scan: made.one_by_one(scan, choice), delivery)), delivery, made.summary)
