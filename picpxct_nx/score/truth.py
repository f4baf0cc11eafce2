"""The truth of a simulated experiment, read from its raw scans, and whether a result is of that experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Step
from picpxct_nx.records import Record, Scan
from picpxct_nx.values import Array, Values

Floats = NDArray[np.float64]

_COMMON = "truth/experiment"
# What the scans of one experiment may differ in: which of them were simulated together, and under which name.
_FREE = ("energies_ev", "rotations", "preset")
# Two energies or rotations are the same scan's below half of what the names of scans tell apart.
_SAME_EV, _SAME_RAD = 0.05, np.deg2rad(0.5)


@dataclass(frozen=True)
class Truth:
    """What one scan was made of; maps (H, W) on `y`, `x` m of the laboratory, the drift left out.

    `rotation` rad as the stage says, `true_rotation` as it was; `drift` (2,) m by which images are displaced. `probe`
    (h, w) in sqrt(photons); `position` (n, 2) m along y and x, where the beam met the turned sample.
    """

    entry: str
    energy_ev: float
    rotation: float
    true_rotation: float
    drift: Floats
    y: Floats
    x: Floats
    transmission: NDArray[np.complex64]
    thickness: Floats
    label: NDArray[np.int32]
    probe: NDArray[np.complex64]
    position: Floats

    @property
    def pixel(self) -> float:
        """Pixel of the maps, m."""
        return float(self.y[1] - self.y[0])


@dataclass(frozen=True)
class Common:
    """What is true of all scans: `energy_ev` (E,), `rotation` and `true_rotation` (P,) rad, `drift` (P, E, 2) m.

    `delta`, `beta` (2, E) along and across the c axis; `azimuth`, `tilt` (G + 1,) rad by label in the frame of the
    sample, nan for label 0.
    """

    energy_ev: Floats
    rotation: Floats
    true_rotation: Floats
    drift: Floats
    delta: Floats
    beta: Floats
    azimuth: Floats
    tilt: Floats

    def at(self, rotation: float) -> int | None:
        """Index of the rotation that the stage, or a registration, calls `rotation` rad, or None."""
        apart = np.minimum(_turn(self.rotation, rotation), _turn(self.true_rotation, rotation))
        return int(apart.argmin()) if apart.min() < _SAME_RAD else None

    def of(self, energy_ev: float) -> int | None:
        """Index of the energy, or None."""
        apart = np.abs(self.energy_ev - energy_ev)
        return int(apart.argmin()) if apart.min() < _SAME_EV else None


@dataclass(frozen=True)
class Experiment:
    """The truth of an experiment: one of its scans or several, what they share, and the parameters that made it."""

    scans: tuple[Truth, ...]
    common: Common
    parameters: Values

    def scan(self, energy_ev: float, rotation: float) -> Truth | None:
        """The truth of the scan at that energy and rotation, as of the stage or refined, where it was given."""
        for truth in self.scans:
            apart = min(_turn(truth.rotation, rotation), _turn(truth.true_rotation, rotation))
            if abs(truth.energy_ev - energy_ev) < _SAME_EV and apart < _SAME_RAD:
                return truth
        return None


def _turn(a: Any, b: float) -> Any:
    """Angle between two rotations, rad."""
    return np.abs((a - b + np.pi) % (2 * np.pi) - np.pi)


def read(scans: Sequence[Scan]) -> Experiment:
    """The truth that simulated scans carry.

    Raises
    ------
    InputError
        There is no scan, one was not simulated, or they are not of one experiment.
    """
    if not scans:
        raise InputError("no truth: the first file is not a raw scan; name simulated scans, then what to judge")
    steps = [_made(scan) for scan in scans]
    for scan, made in zip(scans, steps, strict=True):
        _compare(scan.entry, made, steps[0].parameters)
    first = scans[0].extra
    azimuth, tilt = (np.append(np.nan, _get(scans[0], f"{_COMMON}/{name}")) for name in ("azimuth", "tilt"))
    tables = {name: np.asarray(first[f"{_COMMON}/{name}"]) for name in ("rotation", "true_rotation", "drift")}
    common = Common(
        energy_ev=_get(scans[0], f"{_COMMON}/energy"),
        delta=np.stack([_get(scans[0], f"{_COMMON}/delta_{way}") for way in ("parallel", "perpendicular")]),
        beta=np.stack([_get(scans[0], f"{_COMMON}/beta_{way}") for way in ("parallel", "perpendicular")]),
        azimuth=azimuth,
        tilt=tilt,
        **tables,
    )
    return Experiment(tuple(_truth(scan) for scan in scans), common, steps[0].parameters)


def _made(scan: Scan) -> Step:
    newest = scan.history[-1] if scan.history else None
    if newest is None or newest.command != "simulate" or "truth/label" not in scan.extra:
        raise InputError(f"{scan.entry}: carries no truth; wanted a raw scan that picpxct simulate made")
    if f"{_COMMON}/energy" not in scan.extra:
        raise InputError(
            f"{scan.entry}: its truth is that of version {newest.version}, without drift; simulate it again"
        )
    return newest


def _get(scan: Scan, path: str) -> Array:
    return np.asarray(scan.extra[path], np.float64)


def _truth(scan: Scan) -> Truth:
    return Truth(
        entry=scan.entry,
        energy_ev=scan.energy_ev,
        rotation=scan.rotation,
        true_rotation=float(_get(scan, "truth/rotation")),
        drift=_get(scan, "truth/drift"),
        y=_get(scan, "truth/y"),
        x=_get(scan, "truth/x"),
        transmission=np.asarray(scan.extra["truth/transmission"]),
        thickness=_get(scan, "truth/thickness"),
        label=np.asarray(scan.extra["truth/label"]),
        probe=np.asarray(scan.extra["truth/probe"]),
        position=np.stack([_get(scan, "truth/position_y"), _get(scan, "truth/position_x")], axis=1),
    )


def require_same(experiment: Experiment, result: Record) -> None:
    """Refuse to judge a result by the truth of another experiment.

    Every `simulate` in the history of the result must have had the parameters of the truth, energies and rotations
    left out.

    Raises
    ------
    InputError
        The result does not come from a simulation, or from another one.
    """
    made = [step for step in result.history if step.command == "simulate"]
    if not made:
        raise InputError(f"{result.entry}: is not of a simulated experiment; nobody knows its truth")
    for step in made:
        _compare(result.entry, step, experiment.parameters)


def _compare(entry: str, found: Step, wanted: Values) -> None:
    for name in sorted(set(found.parameters) | set(wanted)):
        if name.split("@")[0] in _FREE:
            continue
        own, other = found.parameters.get(name), wanted.get(name)
        if not _equal(own, other):
            raise InputError(
                f"{entry}: is of another experiment: its {name} is {_say(own)}, that of the truth {_say(other)}; "
                "give the scans that it was made from"
            )


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return bool(a is b) if a is None or b is None else str(a) == str(b)
    return np.shape(a) == np.shape(b) and bool(np.allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=0))


def _say(value: Any) -> str:
    return "not given" if value is None else str(np.asarray(value)).strip()


def in_sample_frame(truth: Truth, y: Array, x: Array, shift: Array) -> tuple[NDArray[np.int32], Floats]:
    """Grain and thickness of the truth at the pixels of an image in the frame of the sample.

    Parameters
    ----------
    truth : of any scan
    y, x : (H,), (W,) m, of the image
    shift : (2,) m along y and x, by which the image shows the sample displaced

    Returns
    -------
    label : (H, W) int32, that of the nearest pixel of the truth
    thickness : (H, W) m, linear between pixels
    """
    place = _places(truth, y - shift[0], x - shift[1], truth.true_rotation)
    label = map_coordinates(truth.label, place, order=0, mode="constant")
    return label.astype(np.int32), np.asarray(map_coordinates(truth.thickness, place, order=1, mode="constant"))


def transmission_at(truth: Truth, y: Array, x: Array, rotation: float) -> NDArray[np.complex128]:
    """Transmission of the truth on other pixels, (H, W), cubic between its own and 1 beyond them.

    The pixels lie at y (H,), x (W,) m of a frame that the sample turned in by `rotation` rad: its own frame for
    `true_rotation`, and for 0 the laboratory.
    """
    place = _places(truth, y, x, rotation)
    matter = truth.transmission.astype(np.complex128) - 1
    return 1 + np.asarray(map_coordinates(matter, place, order=3, mode="constant"))


def _places(truth: Truth, y: Array, x: Array, rotation: float) -> Floats:
    """Row and column (2, H, W) of the truth at points of a turned frame, r_lab = R(rotation) r."""
    down, along = np.meshgrid(y, x, indexing="ij")
    cosine, sine = np.cos(rotation), np.sin(rotation)
    lab_y, lab_x = sine * along + cosine * down, cosine * along - sine * down
    return np.array([(lab_y - truth.y[0]) / truth.pixel, (lab_x - truth.x[0]) / truth.pixel])
