"""Options of simulate, plan and dose: one spelling and one help text each."""

from typing import Annotated

import typer

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
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="SCAN", help="Make this scan of the experiment only, scan_E054710_R000; repeatable."
    ),
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
