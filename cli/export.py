"""picpxct export: files of ours as files of other programs."""

import dataclasses

from . import _export_options as e
from . import _options as o
from ._input import read_entries
from ._output import Delivery, refuse_early
from ._products import deliver_products, made


def export(
    inputs: o.Inputs = None,
    file_format: e.FormatName = "",
    output: e.Output = None,
    image: e.Image = None,
    polarisation: e.OnePolarisation = None,
    energy: e.OneEnergy = None,
    region: e.Region = None,
    companions: e.Companions = None,
    settings: e.Settings = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Export to another program's format, and say what it cannot carry.

    A raw scan goes to cxi or ptyd; a reconstruction to ptychodus or ptychoshelves; cubes to nxstxm (one file a
    polarisation, for MANTiS) and, once normalised, to xdi or csv (spectra for larch and Athena), as spectra measured
    without an image do; all that is an image to tiff, ome-tiff and png; cubes to films, gif and mp4.

    Example: picpxct export recs.nxs --format ptychodus --with scans.nxs -o products/
    """
    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    from picpxct_nx.formats import exports

    wanted = exports.find(file_format)
    refuse_early(delivery)
    options = {"image": image, "polarisation": polarisation, "energy": energy, "region": region}
    choices = exports.choose(wanted, options | {"with": " ".join(companions or ()) or None}, settings or ())
    if companions:
        others = tuple(record for record, _ in read_entries(companions, *wanted.companions))
        choices = dataclasses.replace(choices, others=others)
    failed = delivery.fail if keep_going else None
    entries = read_entries(inputs, failed=failed, note=delivery.note)
    deliver_products(made(entries, wanted, choices, delivery), wanted, delivery)
