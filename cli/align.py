"""picpxct align: the energies of each polarisation brought onto each other."""

from typing import TYPE_CHECKING

from . import _image_options as i
from . import _options as o
from ._input import read_entries
from ._memory import limited
from ._output import Delivery, deliver, each, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def align(
    inputs: o.Inputs = None,
    output: o.Output = None,
    on: i.On = "gradient",
    strategy: i.Strategy = "mean",
    reference: i.Reference = None,
    source: i.From = None,
    max_shift: i.MaxShift = None,
    memory: o.Memory = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Align the energies of a stacked cube, within each polarisation.

    Images drift by pixels between scans. Each is moved once, by a shift that is found to hundredths of a pixel on what
    does not change across the edge. The shifts of a polarisation have mean zero, or that of the reference is zero where
    one is asked for. Each shift is stored with its error.

    Example: picpxct align stack.nxs -o aligned.nxs
    """
    from picpxct_nx import units
    from picpxct_nx.images import aligned, features, shifts
    from picpxct_nx.images.align import AlignOptions
    from picpxct_nx.records import SpectralCube

    delivery = Delivery(output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose,
                        json=as_json)  # fmt: skip
    refuse_early(delivery)
    energy = None if reference is None else units.quantity(reference, "eV")
    most = None if max_shift is None else units.quantity(max_shift, "m")
    options = AlignOptions(features.feature(on), shifts.strategy(strategy), energy, most)
    room = limited(memory, "align")
    other = None if source is None else aligned.donor(record for record, _ in read_entries([source], SpectralCube))

    def make(record: "Record") -> "Record":
        product = aligned.align_cube(record, options, other, room(record))
        for sentence in aligned.sentences(product):
            say(sentence, quiet=quiet)
        return product

    cubes = read_entries(inputs, SpectralCube, failed=delivery.fail if keep_going else None, note=delivery.note)
    deliver(each(cubes, make, delivery), delivery, aligned.summary)
