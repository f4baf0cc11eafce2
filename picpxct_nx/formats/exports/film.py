"""Films: the images of every energy one after the other, polarisations side by side, as GIF or MP4; no data come back.

Conventions as in `png`; all energies are on one scale, which the film tells in words.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost
from picpxct_nx.records import NormalizedCube, Record, SpectralCube

# What --image calls the quantities of a film.
QUANTITIES = {"optical-density": "optical density", "phase": "phase", "xanes": "XANES", "xpnes": "XPNES"}
NO_NUMBERS = "every number: a film holds colours"


def _products(ending: str) -> Callable[[Record, Choices], Iterator[Product]]:
    def products(record: Record, choices: Choices) -> Iterator[Product]:
        """One film of a cube."""
        if not isinstance(record, SpectralCube | NormalizedCube):
            raise InputError(f"{record.entry}: holds no stack of energies; a film takes a cube")
        if len(choices.images) > 1:
            raise UsageError(f"--image {','.join(choices.images)}: a film shows one image; export one film for each")
        name = choices.images[0] if choices.images else ""
        if name and name not in QUANTITIES:
            raise UsageError(f"--image {name}: a film shows none of that name; wanted one of {', '.join(QUANTITIES)}")
        write = partial(_write, record, QUANTITIES.get(name, ""), ending)
        yield Product(name=record.entry, write=write, lost=(NO_NUMBERS, *lost(record, ("title",))))

    return products


def _write(record: SpectralCube | NormalizedCube, quantity: str, ending: str, sink: Sink) -> None:
    from picpxct_nx.report.animate import animate

    # Films are made by programs that want a name with an ending.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film{ending}"
        animate(record, path, quantity=quantity)
        with path.open("rb") as made:
            if isinstance(sink, Path):
                with sink.open("wb") as target:
                    shutil.copyfileobj(made, target)
            else:
                shutil.copyfileobj(made, sink)


def _format(name: str, about: str) -> ExportFormat:
    return ExportFormat(
        name=name,
        about=about,
        suffix=f".{name}",
        takes=(SpectralCube, NormalizedCube),
        lacks=("numbers: a film holds colours",),
        products=_products(f".{name}"),
        heeds=frozenset({"image"}),
    )


GIF = _format("gif", "GIF film of a cube, one energy a frame: optical density, phase, XANES or XPNES")
MP4 = _format("mp4", "MP4 film of a cube, one energy a frame; wants ffmpeg (extra film)")
