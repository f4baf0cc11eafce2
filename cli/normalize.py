"""picpxct normalize: spectral cubes to normalised spectra of every pixel."""

from typing import TYPE_CHECKING

from . import _options as o
from . import _spectrum_options as s
from ._input import read_entries
from ._memory import limited
from ._output import Delivery, deliver, each, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def normalize(
    e0: s.EdgeEnergy,
    inputs: o.Inputs = None,
    output: o.Output = None,
    by: s.By = "off-edge-phase",
    pre: s.Pre = ":-16 eV",
    post: s.Post = "20: eV",
    orders: s.Orders = "0,0",
    density: s.Density = None,
    scale: s.ThicknessScale = None,
    least: s.Least = "sigma:3",
    memory: o.Memory = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """XANES, XPNES and thickness of every pixel of a registered cube.

    Example: picpxct normalize cube.nxs --e0 "5483.4 eV" -o spectra.nxs
    """
    from picpxct_nx.records import SpectralCube
    from picpxct_nx.spectra.options import choose
    from picpxct_nx.spectra.record import normalise_cube, summary

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    options = choose(
        {"e0": e0, "by": by, "pre": pre, "post": post, "orders": orders, "density": density, "scale": scale,
         "least": least}
    )  # fmt: skip
    room = limited(memory, "normalize")

    def make(record: "Record") -> "Record":
        return normalise_cube(record, options, lambda text: say(text, quiet=quiet), room(record))

    failed = delivery.fail if keep_going else None
    cubes = read_entries(inputs, SpectralCube, failed=failed, note=delivery.note)
    deliver(each(cubes, make, delivery), delivery, summary)
