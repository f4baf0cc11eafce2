"""Options of what makes and moves images, from reconstruct to register: one spelling and one help text each."""

from pathlib import Path
from typing import Annotated

import typer

# Of reconstruct.
Watch = Annotated[
    Path | None,
    typer.Option("--watch", metavar="DIR", help="Take scans as they land in DIR, until Ctrl-C; see report.html."),
]
Recipe = Annotated[
    str,
    typer.Option("--recipe", help="Engines and iterations: pie:3,ml:40, or default, or paper (dm:1000,ml:500)."),
]
Frames = Annotated[str, typer.Option("--frames", help="Frames to use, START:STOP:STEP; 0::2 and 1::2 are halves.")]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        help="Reconstruction whose probe to start with; or warm: scans in order of energy, each from its neighbour's "
        "object, moved by the drift, and probe by ml:20; or warm=RECIPE. Else the scan's probe, else its optics'.",
    ),
]
EngineNumbers = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PART.NAME=VALUE",
        help="Parameter of an engine, ml.damping=0.02, or of what is refined, positions.limit=3; or what ends a scan "
        'early: stop.time="90 s", or stop.plateau=0.001, the change of the object an iteration; or '
        "start.defocus=search, where the start probe's is not known.",
    ),
]
Modes = Annotated[int, typer.Option("--modes", min=0, help="Probe modes; 0 takes those of the start probe.")]
Refine = Annotated[
    list[str] | None,
    typer.Option("--refine", metavar="PART,...", help="Also refine positions, intensity, background, variation."),
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

# Of flatten.
Air = Annotated[
    str,
    typer.Option(
        "--air",
        metavar="auto|FILE|BOX",
        help="Where air is: auto finds it; FILE.npy or FILE.nxs is a mask, True in air; a BOX is FROM:TO in the "
        'laboratory, relative to the axis of rotation: "y=-3um:-2um,x=-3um:3um", "y=:-2um", boxes joined by ;.',
    ),
]
Order = Annotated[str, typer.Option("--order", help="Phase to take off: constant, or linear (a ramp as well).")]
Amplitude = Annotated[bool, typer.Option("--amplitude/--no-amplitude", help="Divide by the modulus in air as well.")]
LeastCoverage = Annotated[
    float, typer.Option("--least-coverage", help="An object is known where at least this part of the light fell.")
]

# Of stack.
ManifestFile = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        help="CSV, or TOML with tables scans: scan (entry or S-number), energy, sample_rotation, particle_set; all but "
        "scan may be left out, units stand in the values or as energy (eV). Overrides files; one cube a particle set.",
    ),
]
EnergyTolerance = Annotated[
    str, typer.Option("--energy-tolerance", help="Measured energies that differ by no more are one energy.")
]
AngleTolerance = Annotated[
    str, typer.Option("--angle-tolerance", help="Rotations and polarisations that differ by no more are one.")
]
Repeats = Annotated[
    str,
    typer.Option("--repeats", help="Two scans of one energy and polarisation: refuse, mean (nothing moved), or first."),
]
Union = Annotated[bool, typer.Option("--union", help="Leave gaps where a polarisation lacks an energy.")]

# Of align.
On = Annotated[str, typer.Option("--on", help="What is aligned: gradient (of the complex image), phase, or t-1.")]
Strategy = Annotated[
    str,
    typer.Option("--strategy", help="Align to one reference, to the mean of the others, or all-pairs of energies."),
]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help='Energy that stays where it is, for example "5460 eV"; else the mean shift is 0.'),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="FILE", help="Aligned cube whose shifts are applied again.")
]
MaxShift = Annotated[
    str | None,
    typer.Option("--max-shift", help='Refuse a projection that moved further, for example "200 nm".'),
]

# Of register.
OnReal = Annotated[str, typer.Option("--on", help="What is compared: gradient (of the complex image) or phase.")]
Model = Annotated[str, typer.Option("--model", help="What is refined: translation, rigid, or similarity.")]
Search = Annotated[str, typer.Option("--search", help="Angles by up to this much from the nominal rotation are tried.")]
Bins = Annotated[int, typer.Option("--bins", min=8, max=256, help="Bins of the histogram of an image.")]
ReferencePolarisation = Annotated[
    str | None,
    typer.Option("--reference", help='Polarisation that the others are brought onto, "90 deg"; else the first.'),
]
Crop = Annotated[bool, typer.Option("--crop/--no-crop", help="Cut the frame to what all polarisations know.")]
