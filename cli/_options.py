"""Options of all commands: one spelling and one help text each."""

from pathlib import Path
from typing import Annotated

import typer

from ._talk import ProgressMode

# Common to several commands.
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
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cpu:N with N threads, cuda or cuda:N.")]
History = Annotated[bool, typer.Option("--history", help="Also print the parameters of every step.")]

# Of simulate.
Preset = Annotated[str, typer.Option("--preset", help="Which experiment: tutorial.")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='Change one number of the preset, for example step="0.3 um".'),
]
Energies = Annotated[
    str | None, typer.Option("--energies", help='Energies instead of the preset\'s, for example "5460 eV, 5471 eV".')
]
Rotations = Annotated[
    str | None, typer.Option("--rotations", help='Sample rotations instead of the preset\'s: "0 deg, 90 deg".')
]

# Of reconstruct.
Recipe = Annotated[
    str,
    typer.Option("--recipe", help="Engines and iterations: pie:3,ml:20, or default, or paper (dm:1000,ml:500)."),
]
Frames = Annotated[str, typer.Option("--frames", help="Frames to use, START:STOP:STEP; 0::2 and 1::2 are halves.")]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        help="Reconstruction whose probe to start with; or warm: scans in order of energy, each from its neighbour's "
        "object and probe by ml:10; or warm=RECIPE. Else the scan's probe, else its optics'.",
    ),
]
EngineNumbers = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help='Parameter of an engine, ml.damping=0.02, or what ends a scan early: stop.time="90 s", or '
        "stop.plateau=0.001, the change of the object an iteration.",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option("--checkpoint", help="Folder for unfinished scans: the same command goes on to the same numbers."),
]
Also = Annotated[
    str,
    typer.Option(
        "--also",
        help="What else to deliver: errors (sigma maps), halves (resolution by half the frames), diverged (scans at "
        "their last finite state; exit is still 70); or none.",
    ),
]

# Of frc.
Image = Annotated[str, typer.Option("--image", help="phase, absorption, complex or phasor.")]
Threshold = Annotated[str, typer.Option("--threshold", help="one-bit, half-bit, sigma:K, fixed:V or snr:S.")]
Taper = Annotated[int | None, typer.Option("--taper", min=0, help="Cosine taper in pixels; at least 20 px or 8 %.")]
Ring = Annotated[int, typer.Option("--ring-thickness", min=1, help="Thickness of a ring in pixels.")]
Align = Annotated[bool, typer.Option("--align/--no-align", help="Register the pair to a hundredth of a pixel.")]
Ramp = Annotated[bool, typer.Option("--ramp/--no-ramp", help="Take out their relative phase ramp.")]
Require = Annotated[bool, typer.Option("--require", help="Exit with 70 when the curve does not cross.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Also draw the curve to a PNG, PDF or SVG.")]
