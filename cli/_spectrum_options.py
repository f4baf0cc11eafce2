"""Options of normalize and grainmap: one spelling and one help text each."""

from pathlib import Path
from typing import Annotated

import typer

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
