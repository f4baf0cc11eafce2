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

Watch = Annotated[
    Path | None,
    typer.Option("--watch", metavar="DIR", help="Take scans as they land in DIR, until Ctrl-C; see report.html."),
]

# Of simulate.
Preset = Annotated[str, typer.Option("--preset", help="Which experiment: tutorial, paper, or a plan FILE.toml.")]
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

# Of plan.
PlanOutput = Annotated[
    str | None, typer.Option("-o", "--output", help="Plan to write, NAME.toml. Else it goes to stdout.")
]
PlanNumbers = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help='Assume another thickness="1 um", tilt="0 deg" or excess=2 (noise over that of photons), use another '
        "signal=auto or overlap=0.8, or change a number of the preset as for simulate.",
    ),
]
OrientationTarget = Annotated[
    str | None,
    typer.Option("--orientation", help='Error of the direction to reach, median over all directions, such as "2 deg".'),
]
ResolutionTarget = Annotated[
    str | None,
    typer.Option("--resolution", help="Half period to resolve, and side of the element whose direction is meant."),
]
DoseTarget = Annotated[
    str | None, typer.Option("--dose", help='Dose of all scans together that may not be exceeded, such as "10 MGy".')
]
GrainTarget = Annotated[
    str | None,
    typer.Option("--grain", help='Area of a grain, "0.2 um^2": the direction is meant for it, not for a pixel.'),
]

# Of reconstruct.
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
        'early: stop.time="90 s", or stop.plateau=0.001, the change of the object an iteration.',
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

# Of normalize.
EdgeEnergy = Annotated[
    str,
    typer.Option(
        "--e0",
        help='Energy of the edge, for example "5483.4 eV" for V2O5; auto takes the last inflection of the mean '
        "absorption, and refuses where a pre-edge peak makes that doubtful.",
    ),
]
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="Where thickness comes from, and so what spectra are divided by: off-edge-phase (least noise; takes air "
        "beside the sample), edge-jump or phase-drop (of the element alone), or none.",
    ),
]
Pre = Annotated[
    str,
    typer.Option("--pre", help='Window before the edge, relative to e0: "-21:-16 eV", or ":-16 eV" with an open end.'),
]
Post = Annotated[str, typer.Option("--post", help='Window after the edge, relative to e0: "20:36 eV" or "20: eV".')]
Orders = Annotated[
    str,
    typer.Option(
        "--orders",
        help="Orders of the polynomials before (0, 1) and after (0, 1, 2) the edge, and the Victoreen exponent if "
        "wanted: 0,0 for scans of 60 eV; 1,2 or 1,2,3 for long ones.",
    ),
]
Density = Annotated[
    str | None,
    typer.Option(
        "--density",
        help='Density of the material, "3.357 g/cm^3": thickness in metres from its formula and tabulated delta after '
        "the edge, good to about 2 %.",
    ),
]
ThicknessScale = Annotated[
    str | None,
    typer.Option(
        "--thickness-scale",
        help='Metres per unit of what --by names, instead: "1.84 um/rad"; "10.2 um" for edge-jump.',
    ),
]
Least = Annotated[
    str,
    typer.Option(
        "--min-thickness",
        help="Thinner pixels are masked: a length such as 0.3 um, or sigma:3, where the step is below 3 standard "
        "deviations.",
    ),
]

# Of grainmap.
Signal = Annotated[
    str,
    typer.Option(
        "--signal",
        help="What shows the dichroism: od-peak (absorption in the pre-edge peak), or phase-lobe (phase on both sides "
        "of it: less noise, but images that are out of place by 0.03 px turn facets by a degree).",
    ),
]
Peak = Annotated[
    str | None,
    typer.Option(
        "--peak",
        metavar="A:B eV",
        help='Window at the pre-edge peak, or above it for the phase: "5469.9:5472.1 eV", or relative to the edge, '
        '"-13.5:-11.3 eV". Else set by the highest point of the mean spectrum before the edge.',
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="A:B eV",
        help="Window that is taken off: for the phase one below the peak, for od-peak that before the edge.",
    ),
]
GrainCalibration = Annotated[
    str,
    typer.Option(
        "--calibration",
        metavar="auto|A,B|FILE",
        help="Signal A of an axis across the polarisation and what B one along it has more: from the map itself, as "
        "numbers, or of a grain map or a normalised single crystal.",
    ),
]
MinArea = Annotated[
    str | None,
    typer.Option("--min-area", help='Smaller grains belong to a neighbour: "0.05 um^2". Else 40 pixels.'),
]
GrainTable = Annotated[Path | None, typer.Option("--table", help="Also write the table of grains to a CSV file.")]
GrainPlot = Annotated[Path | None, typer.Option("--plot", help="Also draw the map to a PNG, PDF or SVG.")]
Palette = Annotated[
    str,
    typer.Option("--palette", help="Colours of two polarisations: cyan-magenta, green-magenta or blue-orange."),
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

# Of dose.
Accumulate = Annotated[bool, typer.Option("--accumulate", help="Sum up all scans of the sample, in its own frame.")]
Formula = Annotated[str | None, typer.Option("--formula", help="Formula instead of the scan's, for example V2O5.")]
DoseDensity = Annotated[
    str | None, typer.Option("--density", help='For --mu per length: "3.36 g/cm^3", else the scan\'s.')
]
Flux = Annotated[
    str | None,
    typer.Option(
        "--flux",
        help='Photons a second instead of the scan\'s: in all "6.8e8 Hz", per area "3e7 1/s/um^2", or counts for those '
        "of the brightest frame.",
    ),
]
Mu = Annotated[
    str | None,
    typer.Option(
        "--mu",
        help='Absorption instead of tables: "0.113 1/um", "57 cm^2/g", or at energies "5460 eV: 0.02 1/um, 5480 eV: '
        '0.08 1/um".',
    ),
]
BeamDiameter = Annotated[
    str | None, typer.Option("--beam", help='Diameter of a uniform beam instead of the scan\'s probe: "5 um".')
]

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
