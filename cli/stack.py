"""picpxct stack: flattened reconstructions to one spectral cube."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import MissingInputError

from . import _options as o
from ._input import read_entries
from ._output import Delivery, deliver, refuse_early
from ._talk import complain, say

if TYPE_CHECKING:
    from picpxct_nx.images.stack_record import Stated


def stack(
    inputs: o.Inputs = None,
    output: o.Output = None,
    manifest: o.ManifestFile = None,
    energy_tolerance: o.EnergyTolerance = "0.2 eV",
    angle_tolerance: o.AngleTolerance = "0.5 deg",
    repeats: o.Repeats = "refuse",
    union: o.Union = False,
    least_coverage: o.LeastCoverage = 0.1,
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
    from picpxct_nx.images import stack_record
    from picpxct_nx.images.projection import project
    from picpxct_nx.images.stack import options
    from picpxct_nx.records import Reconstruction

    choice = options(energy_tolerance, angle_tolerance, repeats, least_coverage, union=union)
    stated = None if manifest is None else _read_manifest(manifest)
    projections = []
    failed = delivery.fail if keep_going else None
    for record, name in read_entries(inputs, Reconstruction, failed=failed, note=delivery.note):
        assert isinstance(record, Reconstruction)  # noqa: S101  # asked for
        projections.append(project(record, choice.least_coverage, name))
    cubes = stack_record.make_cubes(projections, choice, stated, lambda text: say(f"stack: {text}", quiet=quiet))
    for cube in cubes:
        say(f"stack: {stack_record.sentence(cube)}", quiet=quiet)
        if len(cube.energy_ev) == 1:
            complain(f"stack: warning: {cube.entry} has one energy; spectra want more")
    deliver(cubes, delivery, stack_record.summary)


def _read_manifest(path: Path) -> "Stated":
    from picpxct_nx import manifest
    from picpxct_nx.errors import InputError
    from picpxct_nx.images.stack_record import Stated
    from picpxct_nx.provenance import Input

    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise MissingInputError(f"--manifest {path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"--manifest {path}: is no UTF-8 text; wanted a CSV or TOML file") from None
    source = Input(checksum=hashlib.sha256(raw).hexdigest(), file_name=path.name)
    return Stated(manifest.parse(text, path.name), source)
