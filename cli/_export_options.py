"""Options of export: one spelling and one help text each."""

from typing import Annotated

import typer

FormatName = Annotated[
    str,
    typer.Option(
        "--format",
        help="cxi, ptyd, ptychodus, ptychoshelves, nxstxm, xdi, csv, tiff, ome-tiff, png, gif or mp4.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", help="File to write, or DIR/ for all files that come. Else it goes to stdout."),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="NAME,...",
        help="Of reconstructions and cubes phase, modulus, intensity, optical-density; of normalised cubes xanes, "
        "xpnes, edge-step, thickness; of grain maps orientation, grain; each kind has a default.",
    ),
]
OnePolarisation = Annotated[str | None, typer.Option("--polarisation", help='Only this polarisation, "90 deg".')]
OneEnergy = Annotated[str | None, typer.Option("--energy", help='Only this energy, "5471 eV", to 0.2 eV.')]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="all|grains|BOX",
        help='Pixels of a mean spectrum: all, each grain of the map of --with, or a box "y=-1um:1um,x=0um:2um".',
    ),
]
Companions = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="FILE", help="What the input was made from, or its grain map, for what it does not hold."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='What the format demands and no file holds: distance="7.2 m".'),
]
