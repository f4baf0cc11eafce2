"""The option --air: found in the image, a box in the laboratory, or a mask in a file."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, MissingInputError, UsageError

from ._input import read_entries

if TYPE_CHECKING:
    from picpxct_nx.images.air_choice import AirChoice
    from picpxct_nx.values import Array


def read_air(text: str) -> "AirChoice":
    """What --air asks for: auto, FILE.npy, FILE.nxs (all its entries that have air), or boxes.

    Raises
    ------
    UsageError
        It is none of these.
    MissingInputError
        The file is not there.
    InputError
        It holds no mask.
    """
    from picpxct_nx.images.air_choice import AirChoice, parse_boxes

    if text == "auto":
        return AirChoice()
    name = text.partition("::")[0]
    if name.endswith((".npy", ".nxs", ".h5", ".hdf5")):
        if not Path(name).exists():
            raise MissingInputError(f"--air {name}: is not there; check the name")
        return _from_numpy(Path(name)) if name.endswith(".npy") else _from_nexus(text)
    if "=" in text:
        return AirChoice("box", text, parse_boxes(text))
    raise UsageError(f"--air '{text}': wanted auto, FILE.npy, FILE.nxs, or a box such as \"y=-3um:-2um,x=-3um:3um\"")


def _from_numpy(path: Path) -> "AirChoice":
    import numpy as np

    from picpxct_nx.images.air_choice import AirChoice
    from picpxct_nx.provenance import Input

    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError):
        raise InputError(f"--air {path}: is no NumPy array; save one with numpy.save, True where air is") from None
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        found = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "several arrays"
        raise InputError(f"--air {path}: holds {found}; wanted a mask (rows, columns), True where air is")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"--air {path}: holds NaN; wanted a mask, True or not zero where air is")
    with path.open("rb") as handle:
        source = Input(checksum=hashlib.file_digest(handle, "sha256").hexdigest(), file_name=path.name)
    return AirChoice("file", "file", masks={path.name: array != 0}, inputs={path.name: source})


def _from_nexus(text: str) -> "AirChoice":
    import numpy as np

    from picpxct_nx.images.air_choice import AirChoice
    from picpxct_nx.images.projection import lean
    from picpxct_nx.records import Reconstruction, SpectralCube

    masks: dict[str, Array] = {}
    inputs, parents = {}, {}
    for record, name in read_entries([text], Reconstruction, SpectralCube):
        assert isinstance(record, Reconstruction | SpectralCube)  # noqa: S101  # asked for these
        if record.air is not None:
            masks[record.entry] = np.asarray(record.air, bool)
            inputs[record.entry] = record.as_input(Path(name).name)
            parents[record.entry] = lean(record) if isinstance(record, Reconstruction) else record
    if not masks:
        raise InputError(f"--air {text}: no entry has air; give a file that picpxct flatten wrote, or a .npy mask")
    return AirChoice("file", "file", masks=masks, inputs=inputs, parents=parents)
