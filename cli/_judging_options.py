"""Options of audit, amend, score and report: one spelling and one help text each."""

from pathlib import Path
from typing import Annotated

import typer

# Of audit and amend.
PatchOutput = Annotated[
    str | None, typer.Option("-o", "--output", help="Patch file (TOML) for picpxct amend, or DIR/ for one a scan.")
]
Trust = Annotated[
    str, typer.Option("--trust", help="Which lies right in the laboratory: frames (the stage is corrected) or stage.")
]
AuditFrames = Annotated[
    int | None, typer.Option("--frames", min=6, help="Frames to look at, at most; else what half a minute can do.")
]
PatchFile = Annotated[
    Path,
    typer.Option("--patch", help="What picpxct audit -o wrote, or by hand: a TOML table amend with stage = '-y,+x'."),
]

# Of score.
Judged = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TRUTH... RESULT...",
        help="Simulated raw scans, then what was made from them; FILE::ENTRY for one entry, - for standard input.",
    ),
]
JsonScore = Annotated[bool, typer.Option("--json", help="One JSON object a result and line on stdout.")]

# Of report.
ReportOutput = Annotated[str | None, typer.Option("-o", "--output", help="Page to write, for example report.html.")]
ReportLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help='What is good: half_period="60 nm", drift="200 nm", fourier_error=0.03, misfit_ratio=1.5 (of the median), '
        'dose="10 MGy"; up to margin=1.5 times that is worth a look. Else the files\' group targets says it.',
    ),
]
