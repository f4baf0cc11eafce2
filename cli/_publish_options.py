"""Options of the commands that publish and reproduce: deposit and rerun."""

from pathlib import Path
from typing import Annotated

import typer

# Of deposit.
Crate = Annotated[str | None, typer.Option("-o", "--output", help="Folder, or .zip archive, that is made.")]
Form = Annotated[Path | None, typer.Option("--metadata", help="Form with title, creators and so on: deposit.toml.")]
Said = Annotated[
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
VerifyCrate = Annotated[
    Path | None, typer.Option("--verify", metavar="CRATE", help="Check a deposit: hashes, files, chains.")
]

# Of rerun.
Results = Annotated[list[str], typer.Argument(metavar="RESULT", help="Products, or FILE::ENTRY for one entry.")]
RawFolder = Annotated[Path, typer.Option("--inputs", help="Folder in or below which the raw files lie.")]
Kept = Annotated[Path | None, typer.Option("-o", "--output", help="Folder that keeps what is made; else none is kept.")]
Tolerance = Annotated[
    float | None,
    typer.Option(
        "--tolerance",
        min=0,
        help="Relative difference (rms) that an array may have; else 0 on the kind of device that was recorded, and "
        "0.001 on another.",
    ),
]
RerunDevice = Annotated[
    str, typer.Option("--device", help="Device of reconstructions: recorded, or as for reconstruct.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands and run none.")]
