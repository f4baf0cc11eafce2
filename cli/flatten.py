"""picpxct flatten: phase ramp and scale taken off, so that air is 1."""

from typing import TYPE_CHECKING

from . import _image_options as i
from . import _options as o
from ._air import read_air
from ._input import read_entries
from ._memory import limited
from ._output import Delivery, deliver, each, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def flatten(
    inputs: o.Inputs = None,
    output: o.Output = None,
    air: i.Air = "auto",
    order: i.Order = "linear",
    amplitude: i.Amplitude = True,
    least_coverage: i.LeastCoverage = 0.1,
    memory: o.Memory = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Take phase ramp, constant phase and scale off each image, measured on air: air becomes 1.

    Air is found where the image is flat, reaches the border of what is known and has nothing above it; what was found
    is said and stored. Each projection of a cube is flattened anew, on the air that the cube has or that --air names,
    after which the cube is as far as it was.

    Example: picpxct flatten recs.nxs --air "y=-3um:-2um,x=-3um:3um" -o flat.nxs
    """
    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    from picpxct_nx.images import flatten_record
    from picpxct_nx.records import Reconstruction, SpectralCube

    choice = flatten_record.options(read_air(air), order, least_coverage, amplitude=amplitude)
    room = limited(memory, "flatten")

    def make(record: "Record") -> "Record":
        product = flatten_record.flatten_record(record, choice, room(record))
        say(flatten_record.sentence(product), quiet=quiet)
        return product

    failed = delivery.fail if keep_going else None
    entries = read_entries(inputs, Reconstruction, SpectralCube, failed=failed, note=delivery.note)
    deliver(each(entries, make, delivery), delivery, flatten_record.summary)
