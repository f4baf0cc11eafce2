"""picpxct deposit: results as an archive that a stranger can validate, cite, open and run again."""

import os

from picpxct_nx.errors import UsageError

from . import _options as o
from . import _publish_options as p
from ._deposit import Manner, check, external, make, paths, tables, target_of, write_form
from ._talk import ProgressMode


def deposit(
    inputs: o.Files = None,
    output: p.Crate = None,
    form: p.Form = None,
    settings: p.Said = None,
    licence: p.Licence = None,
    elsewhere: p.Elsewhere = None,
    link: p.Link = False,
    jobs: p.Jobs = 0,
    init: p.Init = False,
    verify: p.VerifyCrate = None,
    overwrite: o.Overwrite = False,
    show: o.Show = ProgressMode.auto,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.JsonLines = False,
) -> None:
    """Pack files as RO-Crate, BagIt bag, DataCite and SciCat metadata; what speaks against it is told all at once.

    A run that was stopped goes on where it was. Example: picpxct deposit scans/*.nxs grains.nxs -o crate/
    """
    manner = Manner(jobs=jobs or min(8, os.cpu_count() or 1), show=show, quiet=quiet, verbose=verbose, json=as_json,
                    overwrite=overwrite)  # fmt: skip
    if verify is not None:
        if inputs or output is not None or init:
            raise UsageError("--verify checks a deposit and takes no inputs and no output")
        check(verify, manner)
    elif init:
        write_form(inputs, output, manner)
    else:
        target = target_of(output)
        made = tables(form, settings or (), licence)
        make(paths(inputs), target, made, external(elsewhere or ()), link=link, manner=manner)
