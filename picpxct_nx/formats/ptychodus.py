"""ptychodus product: a reconstruction with its positions and probe, as one HDF5 file.

Layout and conventions, from ptychodus 1.7 (`plugins/h5_product_file.py`, `api/object.py`, `model/ptychi/helper.py`;
BSD-3-Clause; read, not copied):

- Root attributes: `name`, `comments`, `photon_energy_eV` (before 1.7 `probe_energy_eV`), `detector_object_distance_m`,
  `exposure_time_s`. Distance and exposure belong to the scan and are not kept.
- `object` (layer, y, x) and `probe` (variation, mode, y, x), complex, with `pixel_height_m` and `pixel_width_m`;
  `center_y_m` and `center_x_m` of the object.
- Positions `probe_position_y_m`, `_x_m`: the probe's centre on the object, along the indices of the image;
  `probe_position_indexes` are the numbers of the frames. A coordinate r lies at the pixel (r - centre) / pixel + W / 2
  from the object's edge, and a probe of w pixels begins w / 2 before it; ours begins w // 2 before the pixel at r, so
  that our first pixel is at centre - pixel (W / 2 + w // 2 - w / 2).
- `loss_values`: what its engine minimised, an epoch each; engines differ in what that is.
- Rows are taken to run along +y and columns along +x. Its engines transform with the kernel exp(-2 pi i q r), ours;
  its CXI reader does not negate the sample's translation, so that a product of a CXI file is inverted unless the
  frames in that file were turned by 180 degrees, as CXI says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.foreign_images import ForeignReconstruction, one_layer
from picpxct_nx.formats.form import Format, Source, Start
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.mapped import as_probe, opened
from picpxct_nx.formats.metadata import INCIDENT
from picpxct_nx.formats.places import as_text, real
from picpxct_nx.values import Array, Value

# What the energy is called, from 1.7 on and before.
ENERGIES = ("photon_energy_eV", "probe_energy_eV")
POSITIONS = ("probe_position_y_m", "probe_position_x_m")


def is_product(start: Start) -> bool:
    """Whether an HDF5 file has object, probe and positions as ptychodus stores them."""
    root = start.file.find("/") if start.file is not None else None
    return root is not None and _energy_of(root.attrs) is not None and start.has("object", "probe", *POSITIONS)


def _energy_of(attributes: Any) -> str | None:
    """The attribute that holds the energy; None where there is none."""
    return next((name for name in ENERGIES if name in attributes), None)


@contextmanager
def read_product(source: Source) -> Iterator[ForeignReconstruction]:
    """The reconstruction in a product.

    Raises
    ------
    InputError
        Something is missing, there are several layers, or object and probe have different pixels.
    """
    with opened(source.path) as files:
        file, name = files.follow(), source.path.name
        values, notes = _values(file)
        objects, probes = _dataset(file, "object", name), _dataset(file, "probe", name)
        image, more = one_layer(np.asarray(objects[()]), f"{name}: object")
        notes += more
        pixel = _pair(objects, "pixel_height_m", "pixel_width_m", name)
        if not np.allclose(pixel, _pair(probes, "pixel_height_m", "pixel_width_m", name), rtol=1e-6):
            raise InputError(f"{name}: object and probe have pixels of different size; wanted the same")
        waves = np.asarray(probes[()])
        if waves.ndim == 4:
            if waves.shape[0] > 1:
                notes.append(
                    f"probe: the first of {waves.shape[0]} that vary over the scan is kept, the others are not"
                )
            waves = waves[0]
        probe, more = as_probe(waves)
        centre = _pair(objects, "center_y_m", "center_x_m", name)
        size, window = image.shape, probe.shape[-2:]
        first = [c - p * (n / 2 + w // 2 - w / 2) for c, p, n, w in zip(centre, pixel, size, window, strict=True)]
        columns = [real(_dataset(file, path, name), f"{name}: {path}").ravel() for path in POSITIONS]
        losses = file.dataset("loss_values") or file.dataset("costs")
        yield ForeignReconstruction(
            name=name,
            format="ptychodus",
            inputs=files.inputs,
            transmission=image,
            pixel=pixel,
            origin=(first[0], first[1]),
            probe=probe,
            positions=_together(columns, name),
            frame=_frames(file, len(columns[0])),
            error=None if losses is None else _finite(real(losses, f"{name}: losses").ravel(), notes),
            metadata=values,
            notes=(
                *notes, "rows are taken to run along +y and columns along +x; lengths in m and energy in eV, as named",
                "detector distance and exposure belong to the scan; they are not kept",
            ),
        )  # fmt: skip


def _values(file: Linked) -> tuple[dict[str, Value], list[str]]:
    root: Any = file.find("/")
    values: dict[str, Value] = {}
    notes: list[str] = []
    called = _energy_of(root.attrs) or ENERGIES[0]
    energy = float(root.attrs[called])
    if energy > 0:
        values[INCIDENT] = energy
    else:
        notes.append(f"{called}: is {energy:g}, as where nobody set it; not taken")
    title = as_text(root.attrs.get("comments", "")) or as_text(root.attrs.get("name", ""))
    if title:
        values["title"] = title
    angle = float(root.attrs.get("tomography_angle_deg", 0.0))
    if angle:
        notes.append(
            f"tomography_angle_deg: {angle:g}, a turn about an axis across the beam; ours is about it, not kept"
        )
    return values, notes


def _dataset(file: Linked, path: str, name: str) -> Any:
    item = file.dataset(path)
    if item is None:
        raise InputError(f"{name}: has no {path}; is it a whole product?")
    return item


def _pair(item: Any, y: str, x: str, name: str) -> tuple[float, float]:
    if y not in item.attrs or x not in item.attrs:
        raise InputError(f"{name}: {item.name} has no {y} and {x}; it cannot be placed without")
    return float(item.attrs[y]), float(item.attrs[x])


def _together(columns: list[Array], name: str) -> Array:
    if len(columns[0]) != len(columns[1]):
        raise InputError(f"{name}: {len(columns[0])} positions along y but {len(columns[1])} along x")
    return np.stack(columns, axis=1)


def _frames(file: Linked, count: int) -> Array | None:
    item = file.dataset("probe_position_indexes")
    found = None if item is None or item.dtype.kind not in "iu" else np.asarray(item[()]).ravel()
    return found if found is not None and len(found) == count and (found >= 0).all() else None


def _finite(losses: Array, notes: list[str]) -> Array | None:
    """Losses, which must be finite and not negative to be errors of ours."""
    if np.isfinite(losses).all() and (losses >= 0).all():
        return losses
    notes.append("loss_values: some are negative or not finite; not kept")
    return None


FORMAT = Format(
    name="ptychodus",
    about="products of ptychodus (HDF5): object, probe and positions",
    holds="reconstruction",
    lacks=("stokes", "rotation", "sample"),
    detect=is_product,
    read=read_product,
)
