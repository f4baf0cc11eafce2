"""picpxct grainmap: normalised spectra to crystal grains and the direction of their axes."""

from typing import TYPE_CHECKING

from . import _options as o
from . import _spectrum_options as s
from ._input import read_entries
from ._output import Delivery, deliver, each, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import GrainMap, Record


def grainmap(
    inputs: o.Inputs = None,
    output: o.Output = None,
    signal: s.Signal = "od-peak",
    peak: s.Peak = None,
    base: s.Base = None,
    calibration: s.GrainCalibration = "auto",
    min_area: s.MinArea = None,
    table: s.GrainTable = None,
    plot: s.GrainPlot = None,
    palette: s.Palette = "cyan-magenta",
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Crystal grains and the direction of their axes, from linear dichroism.

    Example: picpxct grainmap spectra.nxs -o grains.nxs --table grains.csv --plot grains.png
    """
    from picpxct_nx import atomic
    from picpxct_nx.grains import record as grains
    from picpxct_nx.report import grain_pictures, grain_table

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    for extra in filter(None, (table, plot)):
        atomic.refuse_existing(extra, overwrite=overwrite)
    grain_pictures.check(palette, plot)
    named = read_entries([calibration]) if grains.is_file(calibration) else ()
    choice = grains.choose(signal, (peak, base), calibration, [grains.loaded(r) for r, _ in named], min_area)
    maps: list[GrainMap] = []

    def make(record: "Record") -> "Record":
        maps.append(grains.make_map(record, choice, lambda text: say(f"grainmap: {text}", quiet=quiet)))
        if plot is not None:
            grain_pictures.draw_grains(maps[-1], palette, grain_pictures.path_of(plot, maps))
        return maps[-1]

    records = read_entries(inputs, failed=delivery.fail if keep_going else None, note=delivery.note)
    deliver(each(records, make, delivery), delivery, grains.summary)
    if table is not None:
        grain_table.write_table(maps, table)
