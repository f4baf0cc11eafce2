"""picpxct amend: raw scans with their geometry corrected."""

from typing import TYPE_CHECKING

from . import _judging_options as j
from . import _options as o
from ._input import read_entries
from ._output import Delivery, deliver, each, refuse_early
from ._patch import read_patch

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def amend(
    patch: j.PatchFile,
    inputs: o.Inputs = None,
    output: o.Output = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Make raw scans anew with their geometry corrected: stage axes, frames, distance, scale, sign of the defocus.

    Counts stay what they are, and the step is in the history.

    Example: picpxct amend scans/*.nxs --patch patch.toml -o amended/
    """
    from picpxct_nx.amend import amend_scan
    from picpxct_nx.records import Scan

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    correction, source = read_patch(patch)

    def make(record: "Record") -> "Record":
        assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
        return amend_scan(record, correction, source)

    scans = read_entries(inputs, Scan, failed=delivery.fail if keep_going else None, note=delivery.note)
    deliver(each(scans, make, delivery), delivery, lambda record: {"entry": record.entry, "uuid": record.uuid})
