"""picpxct stack: flattened reconstructions to one spectral cube."""

from . import _image_options as i
from . import _options as o
from ._input import read_entries
from ._manifest import read_manifest
from ._memory import give_back, limited
from ._output import Delivery, deliver, each_kept, refuse_early
from ._talk import complain, say


def stack(
    inputs: o.Inputs = None,
    output: o.Output = None,
    manifest: i.ManifestFile = None,
    energy_tolerance: i.EnergyTolerance = "0.2 eV",
    angle_tolerance: i.AngleTolerance = "0.5 deg",
    repeats: i.Repeats = "refuse",
    union: i.Union = False,
    least_coverage: i.LeastCoverage = 0.1,
    memory: o.Memory = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Stack flattened reconstructions to a cube (polarisation, energy, y, x), all on the largest pixel.

    Pixels grow with the wavelength: every image is resampled once, to the pixel of the lowest energy, with the axis of
    rotation on the middle of the cube.

    Example: picpxct stack flat/*.nxs --energy-tolerance "0.2 eV" -o cube.nxs
    """
    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    give_back()
    from picpxct_nx.images import stack_record
    from picpxct_nx.images.projection import project
    from picpxct_nx.images.stack import options
    from picpxct_nx.records import Reconstruction

    choice = options(energy_tolerance, angle_tolerance, repeats, least_coverage, union=union)
    stated = None if manifest is None else read_manifest(manifest)
    room = limited(memory, "stack")
    records = read_entries(inputs, Reconstruction, failed=delivery.fail if keep_going else None, note=delivery.note)
    projections = list(each_kept(records, lambda record: project(record, choice.least_coverage, room()), delivery))
    cubes = stack_record.make_cubes(
        projections, choice, stated, lambda text: say(f"stack: {text}", quiet=quiet), room(*projections)
    )
    for cube in cubes:
        say(f"stack: {stack_record.sentence(cube)}", quiet=quiet)
        if len(cube.energy_ev) == 1:
            complain(f"stack: warning: {cube.entry} has one energy; spectra want more")
    deliver(cubes, delivery, stack_record.summary)
