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
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
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
    typer.Option("--recipe", help="Engines and iterations: dm:100,ml:100, or default, or paper (dm:1000,ml:500)."),
]
Frames = Annotated[str, typer.Option("--frames", help="Frames to use, START:STOP:STEP; 0::2 and 1::2 are halves.")]
Probe = Annotated[
    str | None,
    typer.Option("--probe", help="Reconstruction whose probe to start with; else the scan's, else its optics'."),
]
EngineNumbers = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PART.NAME=VALUE", help="Parameter of an engine or of what is refined: positions.limit=3."
    ),
]
Modes = Annotated[int, typer.Option("--modes", min=0, help="Probe modes; 0 takes those of the start probe.")]
Refine = Annotated[
    list[str] | None,
    typer.Option("--refine", metavar="PART,...", help="Also refine positions, intensity, background, variation."),
]
Threads = Annotated[int, typer.Option("--threads", min=0, help="Threads on the CPU; 0 takes all cores.")]
KeepLast = Annotated[
    bool, typer.Option("--keep-last", help="On divergence write the last finite state, and still exit with 70.")
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
