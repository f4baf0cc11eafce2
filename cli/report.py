"""picpxct report: one page to decide by, and to put into a deposit."""

import json

import typer

from . import _judging_options as j
from . import _options as o
from ._input import read_entries
from ._output import Delivery, raise_failed
from ._talk import say


def report(
    inputs: o.Inputs = None,
    output: j.ReportOutput = None,
    limits: j.ReportLimits = None,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Make one HTML page of files of any kind: verdict, images, spectra, resolution, grains, how to redo a scan.

    It needs no network, no server and no other file. Give raw scans, reconstructions, cubes, curves and maps together.

    Example: picpxct report scans/*.nxs recs/*.nxs spectra.nxs grains.nxs -o report.html
    """
    from picpxct_nx.report import page
    from picpxct_nx.report.gather import Gathered
    from picpxct_nx.report.limits import of_words
    from picpxct_nx.report.write import check_target, write_page

    delivery = Delivery(output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose)
    target = check_target(output, overwrite=overwrite, needed=not as_json)
    gathered = Gathered(limits=of_words(limits or ()))
    for record, name in read_entries(inputs, failed=delivery.fail if keep_going else None, note=delivery.note):
        gathered.add(record, name)
    facts = page.summary(gathered)
    if as_json:
        typer.echo(json.dumps(facts))
    if target is not None:
        size = write_page(target, page.page(gathered), overwrite=overwrite)
        say(f"report: {page.sentence(facts['verdict'])}", quiet=quiet)
        say(f"wrote {target}, {size / 1e6:.1f} MB", quiet=quiet)
    raise_failed(delivery)
