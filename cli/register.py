"""picpxct register: the polarisations of a cube brought onto each other in the frame of the sample."""

from typing import TYPE_CHECKING

from . import _image_options as i
from . import _options as o
from ._input import read_entries
from ._memory import limited
from ._output import Delivery, deliver, each, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def register(
    inputs: o.Inputs = None,
    output: o.Output = None,
    on: i.OnReal = "gradient",
    model: i.Model = "rigid",
    search: i.Search = "10 deg",
    bins: i.Bins = 32,
    reference: i.ReferencePolarisation = None,
    crop: i.Crop = True,
    memory: o.Memory = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Register the polarisations of an aligned cube in the frame of the sample.

    Images are turned back by the rotation of the sample, and on by what makes
    them say most about each other (normalised mutual information). Refined
    rotations and polarisation angles are stored, with their errors.

    Example: picpxct register aligned.nxs -o registered.nxs
    """
    from picpxct_nx.images import register_record, registered
    from picpxct_nx.records import SpectralCube

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    options = registered.choose(on, model, search, bins=bins, reference=reference, crop=crop)
    room = limited(memory, "register")

    def make(record: "Record") -> "Record":
        product = register_record.register_cube(record, options, room(record))
        for sentence in register_record.sentences(product):
            say(sentence, quiet=quiet)
        return product

    cubes = read_entries(inputs, SpectralCube, failed=delivery.fail if keep_going else None, note=delivery.note)
    deliver(each(cubes, make, delivery), delivery, register_record.summary)
