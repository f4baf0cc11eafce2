"""picpxct deposit: results as an archive that a stranger can validate, cite, open and run again."""

import os
from pathlib import Path
from typing import Annotated

import typer

from picpxct_nx.errors import UsageError

from . import _options as o
from ._deposit import Manner, check, external, make, paths, tables, target_of, write_form
from ._talk import ProgressMode

Crate = Annotated[str | None, typer.Option("-o", "--output", help="Folder, or .zip archive, that is made.")]
Form = Annotated[Path | None, typer.Option("--metadata", help="Form with title, creators and so on: deposit.toml.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='Over the form: title="...", publisher.name=PSI, keywords=["a"].'),
]
Licence = Annotated[str | None, typer.Option("--license", help="SPDX identifier, CC-BY-4.0 for example.")]
Elsewhere = Annotated[
    list[Path] | None,
    typer.Option(
        "--external-inputs",
        help="List of raw data that are kept elsewhere, a UUID or SHA-256 and an address on each line; or NeXus files.",
    ),
]
Link = Annotated[
    bool, typer.Option("--link", help="Hard links instead of copies: no room, but one file with two names.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Files at a time; 0: one for each processor, up to 8.")]
Init = Annotated[bool, typer.Option("--init", help="Write a form to fill in, with what the inputs say.")]
Verify = Annotated[
    Path | None, typer.Option("--verify", metavar="CRATE", help="Check a deposit: hashes, files, chains.")
]


def deposit(
    inputs: o.Files = None,
    output: Crate = None,
    form: Form = None,
    settings: Settings = None,
    licence: Licence = None,
    elsewhere: Elsewhere = None,
    link: Link = False,
    jobs: Jobs = 0,
    init: Init = False,
    verify: Verify = None,
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
