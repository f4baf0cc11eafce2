"""ptypy `.ptyr`: a reconstruction of ptypy.

Layout and conventions, from ptypy 0.9 (`core/ptycho.py` save_run, `core/classes.py`; read, not copied) and from files
that it wrote:

- `content/obj/ID` and `content/probe/ID`: `data` (layers, rows, columns), complex; `_psize` (y, x) in m; `_origin`
  (y, x) in m, the coordinate of pixel [0, 0]; `_energy` in keV. Layers of a probe are its modes.
- A view at the coordinate r is centred at the pixel (r - origin) / psize, its middle being [h // 2, w // 2].
- `content/positions/ID`, where ptypy was told to record them: (n, 2) in m, rows then columns, one a frame; several
  object layers or probe modes do not repeat them.
- Rows are taken to run along +y and columns along +x of the laboratory, which ptypy leaves open. The transform has the
  FFT's kernel exp(-2 pi i q r), ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.foreign_images import ForeignReconstruction, one_layer
from picpxct_nx.formats.form import Format, Source, Start
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.mapped import as_probe, opened
from picpxct_nx.formats.metadata import INCIDENT
from picpxct_nx.formats.places import real
from picpxct_nx.formats.ptyd import known
from picpxct_nx.values import Array, Value

OBJECTS, PROBES, POSITIONS = "/content/obj", "/content/probe", "/content/positions"


def is_ptyr(start: Start) -> bool:
    """Whether an HDF5 file has objects and probes as ptypy stores them."""
    return start.has(OBJECTS, PROBES)


@contextmanager
def read_ptyr(source: Source) -> Iterator[ForeignReconstruction]:
    """The reconstruction in a .ptyr file; --map data=/content/obj/ID chooses one of several.

    Raises
    ------
    InputError
        There is none, there are several, or object and probe have different pixels.
    """
    with opened(source.path) as files:
        file, name = files.follow(), source.path.name
        which = _choose(file, source, name)
        image, notes = one_layer(_stored(file, f"{OBJECTS}/{which}/data", name), f"{name}: {OBJECTS}/{which}")
        probes = file.names(PROBES)
        mine = which if which in probes else probes[0] if len(probes) == 1 else None
        if mine is None:
            raise InputError(
                f"{name}: {PROBES} has {', '.join(probes)}, none of which is {which}; save one scan a file"
            )
        probe, more = as_probe(np.asarray(_stored(file, f"{PROBES}/{mine}/data", name)))
        pixel, origin = _pair(file, f"{OBJECTS}/{which}/_psize", name), _pair(file, f"{OBJECTS}/{which}/_origin", name)
        _check_pixels(pixel, _pair(file, f"{PROBES}/{mine}/_psize", name), name)
        values: dict[str, Value] = {}
        energy = known(file, f"{OBJECTS}/{which}/_energy")
        if energy is not None and energy[0] > 0:
            values[INCIDENT] = float(energy[0]) * 1e3
        positions = file.dataset(f"{POSITIONS}/{which}")
        if positions is None:
            notes.append("positions: none are in the file (ptypy writes them with record_positions)")
        yield ForeignReconstruction(
            name=name,
            format="ptyr",
            inputs=files.inputs,
            transmission=image,
            pixel=pixel,
            origin=origin,
            probe=probe,
            positions=None if positions is None else real(positions, f"{name}: {POSITIONS}/{which}"),
            metadata=values,
            options={"map": f"data={OBJECTS}/{which}"},
            notes=(
                *notes, *more, "rows are taken to run along +y and columns along +x, which ptypy leaves open",
                f"energy, psize and origin of {OBJECTS}/{which}, in keV and m, as ptypy has them",
            ),
        )  # fmt: skip


def _choose(file: Linked, source: Source, name: str) -> str:
    found = file.names(OBJECTS)
    if "data" in source.keys:
        chosen = source.keys["data"][0].name.rstrip("/").rpartition("/")[2]
        if chosen not in found:
            raise InputError(f"{name}: {OBJECTS} has {', '.join(found)}, not {chosen}; correct --map data")
        return chosen
    if len(found) != 1:
        raise InputError(
            f"{name}: {OBJECTS} has {len(found)} objects ({', '.join(found[:8])}); choose one with "
            f"--map data={OBJECTS}/{found[0] if found else 'ID'}"
        )
    return found[0]


def _stored(file: Linked, path: str, name: str) -> Array:
    item = file.dataset(path)
    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{name}: has no {path}; is it a whole .ptyr file?")
    return np.asarray(item[()])


def _pair(file: Linked, path: str, name: str) -> tuple[float, float]:
    found = known(file, path)
    if found is None or found.size not in (1, 2):
        raise InputError(f"{name}: has no {path} of one or two numbers; it cannot be placed without")
    return float(found[0]), float(found[-1])


def _check_pixels(mine: tuple[float, float], theirs: tuple[float, float], name: str) -> None:
    if not np.allclose(mine, theirs, rtol=1e-6):
        raise InputError(f"{name}: the object has pixels of {mine} m, the probe of {theirs} m; wanted the same")


FORMAT = Format(
    name="ptyr",
    about="reconstructions of ptypy (.ptyr)",
    holds="reconstruction",
    lacks=("title", "stokes", "rotation", "sample", "positions, unless ptypy was told to record them", "errors"),
    detect=is_ptyr,
    read=read_ptyr,
)
