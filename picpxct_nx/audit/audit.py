"""The audit of one raw scan: race, witnesses and lengths put together to probabilities and a verdict."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from picpxct_nx.audit import race, scale, sign
from picpxct_nx.audit.orientation import AS_RECORDED, CLASSES, Orientation, class_of
from picpxct_nx.audit.reduce import Small, reduce
from picpxct_nx.errors import InputError
from picpxct_nx.records import Scan
from picpxct_nx.scan_checks import check_overlap

# A verdict is spoken with at least this probability; else it is `undecided`.
SURE = 0.95
# Nothing is told as surer than this: misfits and witnesses are no exact probabilities.
MOST = 0.9999
# The best fit is poor where its Fourier error is this much above that of counting noise, and not below this part of the
# next class's: something else than the axes is wrong as well.
POOR, ALIKE = 2.0, 0.6
# Fewer frames can be fitted by whatever object.
FEWEST = 6

Verdict = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True)
class ClassResult:
    """One class of twins: its members, the Fourier errors of both after `laps`, and the class's probability."""

    members: tuple[Orientation, Orientation]
    errors: tuple[float, float]
    laps: tuple[int, int]
    probability: float


@dataclass(frozen=True)
class Audit:
    """What was found out about one scan.

    `stage` is the likeliest orientation of the recorded stage axes with the frames as recorded, `confidence` its
    probability; `probabilities` holds those of all eight. `verdict` is on what is recorded; it can be wrong while the
    correction is still open between two. `defocus_reversed` says that the recorded defocus has the wrong sign.
    `distance` m is what the cone of light asks for in place of the recorded one, `stage_scale` the factor on the
    stage's positions; None where they are as recorded or nothing is known. `error` and `noise_error` are Fourier errors
    of the best fit and of counting noise alone. `axes` is the --axes of the import, where the scan was imported.
    """

    entry: str
    uuid: str
    verdict: Verdict
    stage: Orientation
    confidence: float
    probabilities: dict[Orientation, float]
    classes: tuple[ClassResult, ...]
    witnesses: tuple[sign.Witness, ...]
    defocus: float | None
    defocus_reversed: bool
    recorded_distance: float
    distance: float | None
    cone: float | None
    stage_scale: scale.StageScale | None
    error: float
    noise_error: float
    frames: int
    frames_in_all: int
    window: tuple[int, int]
    binned: int
    axes: str | None

    @property
    def decided(self) -> bool:
        """Whether the correction is known, and not only that one is needed."""
        return self.confidence >= SURE

    @property
    def frames_turn(self) -> Orientation:
        """The other correction: how the frames lie, with the stage as recorded."""
        return self.stage.inverse


@dataclass(frozen=True)
class Choice:
    """How an audit is run: device, seed, and at most how many frames, where it is not left to `reduce`."""

    device: str = "cpu"
    seed: int = 0
    frames: int | None = None


def audit_scan(scan: Scan, choice: Choice, report: race.Report = lambda *_: None) -> Audit:
    """Audit one raw scan.

    1. The scan is made small. 2. The cone of light on the frames checks distance, pixel size and energy against the
    zone plate. 3. All orientations race (`race.run`), which finds the class. 4. Matter, air and defocus decide between
    the twins of the class. 5. Other scales of the stage are tried; if one fits clearly better, all is done with
    it.

    Parameters
    ----------
    scan : Scan
        Raw scan.
    choice : Choice
        How.
    report : callable
        Told of every run: what, lap, laps, Fourier error.

    Raises
    ------
    InputError
        The scan poses no problem that can be reconstructed: no start probe, no overlap, an off-centre beam; or it has
        fewer than `FEWEST` frames.
    """
    if scan.frames.shape[0] < FEWEST:
        raise InputError(f"{scan.entry}: has {scan.frames.shape[0]} frames; an audit wants {FEWEST} or more to compare")
    check_overlap(scan)
    small, cone, distance = _prepared(scan, choice)
    ran, witnesses, stretched = _raced(small, choice, report)
    best = ran.ranked()[0]
    chances = probabilities(ran, witnesses)
    likeliest = max(chances, key=chances.__getitem__)
    found = Audit(
        entry=scan.entry,
        uuid=scan.uuid,
        verdict="undecided",
        stage=likeliest,
        confidence=chances[likeliest],
        probabilities=chances,
        classes=_classes(ran),
        witnesses=witnesses,
        defocus=scan.defocus,
        defocus_reversed=chances[likeliest] >= SURE and _contradicts(witnesses, best.orientation, likeliest),
        recorded_distance=scan.distance,
        distance=distance,
        cone=cone,
        stage_scale=stretched,
        error=best.error,
        noise_error=best.noise_error,
        axes=_import_axes(scan),
        **_small(small, scan),  # type: ignore[arg-type]
    )
    return replace(found, verdict=_verdict(found))


def _prepared(scan: Scan, choice: Choice) -> tuple[Small, float | None, float | None]:
    """The small scan, the width of its cone of light, and the distance that this asks for, which it then has."""
    small = reduce(scan, choice.frames)
    cone = scale.cone(small.scan)
    if cone is None or abs(math.log(cone)) < math.log(1 + scale.CONE_TOLERANCE):
        return small, cone, None
    distance = scan.distance * cone
    return reduce(replace(scan, distance=distance), choice.frames), cone, distance


def _raced(
    small: Small, choice: Choice, report: race.Report
) -> tuple[race.Race, tuple[sign.Witness, ...], scale.StageScale | None]:
    """The race at the scale of the stage that fits, what the witnesses say of its winner, and that scale."""
    ran, found = race.run(small.scan, device=choice.device, seed=choice.seed, report=report), None
    first = ran.ranked()[0]
    if race.confidence(ran) >= SURE or first.error > POOR * first.noise_error:
        # Where all orientations fit alike, and as well as noise lets them, so do all scales.
        found = scale.stage_scale(small.scan, ran, device=choice.device, seed=choice.seed, report=report)
    if found is not None:
        scaled = scale.scaled(small.scan, found.factor)
        again = race.run(scaled, device=choice.device, seed=choice.seed, report=report)
        ran, found = (again, found) if race.confidence(again) >= SURE else (ran, None)
    best = ran.ranked()[0]
    if best.result is None:
        return ran, (), found
    return ran, sign.hear(best, ran.runners[-best.orientation], small.start), found


def probabilities(ran: race.Race, witnesses: tuple[sign.Witness, ...]) -> dict[Orientation, float]:
    """Probability of each orientation: that of its class by misfit, times that of its sign by the witnesses.

    The witnesses saw the winner only; the twins of other classes share what probability these have.
    """
    best = ran.ranked()[0].orientation
    odds = race.race_odds(ran)
    total = 1 + sum(odds.values())
    found: dict[Orientation, float] = {}
    for member in CLASSES:
        of_class = (1.0 if member == class_of(best) else odds[member]) / total
        found |= {member: of_class / 2, -member: of_class / 2}
    chance = 1 / (1 + math.exp(-sign.log_odds(witnesses)))
    both = found[best] + found[-best]
    return found | {best: both * chance, -best: both * (1 - chance)}


def _verdict(found: Audit) -> Verdict:
    """On what is recorded: the axes first, then the lengths."""
    as_recorded = found.probabilities[AS_RECORDED]
    if as_recorded <= 1 - SURE or found.distance is not None or found.stage_scale is not None:
        return "wrong"
    if as_recorded < SURE:
        return "undecided"
    return "wrong" if found.defocus_reversed else "right"


def _contradicts(witnesses: tuple[sign.Witness, ...], best: Orientation, likeliest: Orientation) -> bool:
    """Whether the recorded defocus belongs to the twin of the likeliest orientation."""
    said = sum(witness.log_odds for witness in witnesses if witness.name == "defocus")
    return said < 0 if best == likeliest else said > 0


def _classes(ran: race.Race) -> tuple[ClassResult, ...]:
    odds = race.race_odds(ran)
    total = 1 + sum(odds.values())
    found = []
    for runner in ran.ranked():
        first = class_of(runner.orientation)
        pair = ran.runners[first], ran.runners[-first]
        chance = odds.get(first, 1.0) / total
        errors, laps = (pair[0].error, pair[1].error), (pair[0].laps, pair[1].laps)
        found.append(ClassResult((first, -first), errors, laps, chance))
    return tuple(found)


def _small(small: Small, scan: Scan) -> dict[str, object]:
    rows, columns = small.scan.frames.shape[1:]
    return {
        "frames": len(small.frames), "frames_in_all": scan.frames.shape[0], "window": (rows, columns),
        "binned": small.binned,
    }  # fmt: skip


def _import_axes(scan: Scan) -> str | None:
    """--axes of the step that imported the scan, unless it was amended since."""
    if len(scan.history) == 1 and scan.history[0].command == "import":
        axes = scan.history[0].parameters.get("axes")
        return str(axes) if axes is not None else None
    return None


__all__ = [
    "ALIKE",
    "FEWEST",
    "MOST",
    "POOR",
    "SURE",
    "Audit",
    "Choice",
    "ClassResult",
    "Verdict",
    "audit_scan",
    "probabilities",
]
