"""Options that several commands have: one spelling and one help text each."""

from typing import Annotated

import typer

from ._talk import ProgressMode

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="NeXus files, FILE::ENTRY for one entry, FILE::energy=5471eV,polarisation=90deg for those that match, "
        "or - for standard input: a file, or a list of paths, one a line.",
    ),
]
Files = Annotated[list[str] | None, typer.Argument(metavar="FILE", help="NeXus files, or - for standard input.")]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", help="File to write, or DIR/ for one file an entry. Else the file goes to stdout."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Deliver the entries that succeed, name the others, exit with 70.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors and warnings.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also say what is read and chosen.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print a summary, one JSON object a line; a file is then written only with -o.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a file and line on stdout.")]
Show = Annotated[ProgressMode, typer.Option("--progress", help="How to show progress on stderr.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of every random number.")]
Device = Annotated[
    str,
    typer.Option(
        "--device", help="auto, cpu, cpu:N with N threads, cuda, cuda:N; reconstruct: several, cuda:0,cuda:1."
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help='Take no more memory than "500 MB" (or "2 GiB"): what does not fit lies in TMPDIR, which wants room for a '
        "cube or two and should be a disk. The product is the same to the bit.",
    ),
]
History = Annotated[bool, typer.Option("--history", help="Also print the parameters of every step.")]
