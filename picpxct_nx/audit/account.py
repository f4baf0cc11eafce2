"""An audit in words, and as an object for programs."""

from typing import Any

from picpxct_nx.audit.audit import ALIKE, MOST, POOR, SURE, Audit
from picpxct_nx.audit.orientation import AS_RECORDED, Orientation, equivalents
from picpxct_nx.audit.patch import TRUSTED, corrected_axes, of
from picpxct_nx.audit.scale import CONE_TOLERANCE, STAGE_PASSES
from picpxct_nx.errors import ConvergenceError, InputError

# As of a command that was asked for a verdict.
EXIT_CODES = {"right": 0, "wrong": InputError.exit_code, "undecided": ConvergenceError.exit_code}


def percent(probability: float) -> str:
    """A probability in percent with as many digits as tell it from certainty; never more than 99.99 %."""
    most = min(probability, MOST)
    return f"{100 * most:.2f} %" if most > 0.99 else f"{100 * most:.0f} %"


def headline(audit: Audit) -> str:
    """The verdict in one line."""
    start = f"{audit.entry}: {audit.verdict.upper() if audit.verdict == 'wrong' else audit.verdict}"
    if audit.verdict == "right":
        return f"{start}, {percent(audit.confidence)}: stage and frames belong together as recorded"
    if audit.verdict == "undecided":
        return f"{start}: likeliest is the stage {audit.stage.words()}, {percent(audit.confidence)}; {doubt(audit)}"
    # Where the correction is known, of it, as the patch has it; else of what is recorded being wrong.
    chance = audit.confidence if audit.decided else 1 - audit.probabilities[AS_RECORDED]
    sure = f", {percent(chance)}" if _turned(audit) else ""
    return f"{start}{sure}: {faults(audit)}"


def _turned(audit: Audit) -> bool:
    return audit.probabilities[AS_RECORDED] <= 1 - SURE


def faults(audit: Audit) -> str:
    """What is wrong, and what would be right."""
    found = []
    if _turned(audit) and audit.decided:
        found.append(f"the stage's axes are {audit.stage.words()} (or the frames: {audit.frames_turn.words()})")
    elif _turned(audit):
        twin = -audit.stage
        found.append(
            f"the stage's axes are {audit.stage.words()} ({percent(audit.probabilities[audit.stage])}) or "
            f"{twin.words()} ({percent(audit.probabilities[twin])}); {doubt(audit)}"
        )
    if audit.distance is not None:
        found.append(
            f"the cone of light is {audit.cone:.3f} times as wide as zone plate, energy, pixel and distance make it: a "
            f"distance of {audit.distance:.4g} m would fit, {audit.recorded_distance:.4g} m is recorded"
        )
    if audit.stage_scale is not None:
        found.append(f"positions fit {audit.stage_scale.factor:.2f} times as far apart: check units and distance")
    if audit.defocus_reversed:
        found.append("the defocus, or the start probe's curvature, has the wrong sign")
    return "; ".join(found)


def doubt(audit: Audit) -> str:
    """Why the correction is not decided."""
    best, second, third, _ = audit.classes
    if best.probability < SURE and third.probability < 1 - SURE < second.probability:
        names = " or ".join(each.members[0].words() for each in (best, second))
        return f"{names}, as well as their twins, fit alike: the sample seems to vary along one direction only"
    if best.probability < SURE and audit.error > POOR * audit.noise_error:
        return (
            f"no orientation fits the frames (Fourier error {audit.error:.3f}, noise alone {audit.noise_error:.3f}): "
            "do the positions belong to these frames, are units and distance right?"
        )
    if best.probability < SURE:
        return "frames do not tell the orientations apart: too few, too faint, or the sample shows too little"
    if not any(witness.log_odds for witness in audit.witnesses):
        return "the sign of the phase is open: no absorption, no air, no curved start probe"
    return "the sign of the phase is open: its witnesses are weak or contradict each other"


def warnings(audit: Audit) -> list[str]:
    """What makes the audit itself doubtful."""
    found = []
    next_best = min(audit.classes[1].errors)
    if audit.error > max(POOR * audit.noise_error, ALIKE * next_best) and audit.classes[0].probability >= SURE:
        found.append(
            f"even the best fit misses the frames by {audit.error:.3f}, counting noise makes {audit.noise_error:.3f}: "
            "positions, mask, coherence or distance may be off as well"
        )
    if audit.confidence >= SURE and not any(w.name == "matter" and abs(w.log_odds) > 2 for w in audit.witnesses):
        found.append("the sign of the phase rests on the recorded defocus or on air, not on absorption")
    return found


def import_axes(audit: Audit) -> tuple[str, str] | None:
    """What --axes of import should have been, the frames trusted or the stage; None where it is not known."""
    if audit.axes is None or not audit.decided or audit.stage == AS_RECORDED:
        return None
    return tuple(corrected_axes(audit.axes, of(audit, trust)) for trust in TRUSTED)  # type: ignore[return-value]


def as_text(audit: Audit) -> str:
    """The verdict, the misfits of all orientations, what the sign rests on, and what nobody can tell."""
    lines = [headline(audit)]
    lines.append(
        f"  looked at {audit.frames} of {audit.frames_in_all} frames, {audit.window[0]} x {audit.window[1]} pixels"
        + (f", {audit.binned} x {audit.binned} binned" if audit.binned > 1 else "")
    )
    lines.append("  class by misfit: degenerate pair, Fourier error of each, laps run, probability")
    for each in audit.classes:
        pair = " | ".join(member.words() for member in each.members)
        errors = " | ".join(f"{error:.4f}" for error in each.errors)
        laps = "/".join(map(str, each.laps))
        lines.append(f"    {errors}   laps {laps}   {percent(each.probability):>8}   {pair}")
    lines.append(f"  sign, within {' | '.join(member.words() for member in audit.classes[0].members)}:")
    for witness in audit.witnesses:
        lines.append(f"    {witness.name}: {witness.says} ({_side(audit, witness.log_odds)})")
    lines += [f"  warning: {text}" for text in warnings(audit)]
    axes = import_axes(audit)
    if axes is not None:
        lines.append(f"  for further imports: --axes '{axes[0]}' or, with the stage trusted, '{axes[1]}'")
    lines.append(f"  lengths: {_lengths(audit)}")
    lines.append("  open to any diffraction: whether stage or frames are at fault, and a turned or mirrored laboratory")
    return "\n".join(lines)


def _lengths(audit: Audit) -> str:
    """What was looked at of distance and stage scale, and how far off they may be without being noticed."""
    if audit.cone is None:
        disc = "the distance was not checked, no cone of light of a zone plate was seen"
    else:
        disc = (
            f"the cone of light is {audit.cone:.3f} times as wide as recorded values make it, which shows distances "
            f"off by {CONE_TOLERANCE:.0%} or more"
        )
    low, high = STAGE_PASSES
    stage = f"a stage scale off by less than {low:.0%} to {high:.0%} may pass, for another defocus fits nearly as well"
    return f"{disc}; {stage}"


def _side(audit: Audit, log_odds: float) -> str:
    if not log_odds:
        return "says nothing"
    first = max(audit.classes[0].members, key=lambda member: audit.probabilities[member])
    winner = _winner(audit)
    member = winner if log_odds > 0 else -winner
    return f"for {member.words()}" if member == first else f"AGAINST, for {member.words()}"


def _winner(audit: Audit) -> Orientation:
    """The orientation that the witnesses saw: the better fit of the best class."""
    best = audit.classes[0]
    return min(zip(best.errors, best.members, strict=True), key=lambda pair: pair[0])[1]


def as_json(audit: Audit) -> dict[str, Any]:
    """All that was found, for programs."""
    return {
        "entry": audit.entry,
        "verdict": audit.verdict,
        "confidence": audit.confidence,
        "decided": audit.decided,
        "stage": str(audit.stage),
        "frames": str(audit.frames_turn),
        "words": audit.stage.words(),
        "equivalent": [{"frames": str(frames), "stage": str(stage)} for frames, stage in equivalents(audit.stage)],
        "probabilities": {str(orientation): chance for orientation, chance in audit.probabilities.items()},
        "classes": [
            {
                "members": [str(member) for member in each.members],
                "fourier_errors": [_finite(error) for error in each.errors],
                "laps": list(each.laps),
                "probability": each.probability,
            }
            for each in audit.classes
        ],
        "sign": [{"witness": w.name, "log_odds": w.log_odds, "says": w.says} for w in audit.witnesses],
        "import_axes": import_axes(audit),
        "defocus_reversed": audit.defocus_reversed,
        "cone": audit.cone,
        "distance_m": audit.distance,
        "distance_unseen": CONE_TOLERANCE if audit.cone is not None else None,
        "stage_scale_unseen": STAGE_PASSES[1],
        "stage_scale": None if audit.stage_scale is None else audit.stage_scale.factor,
        "fourier_error": _finite(audit.error),
        "noise_error": _finite(audit.noise_error),
        "frames_used": audit.frames,
        "frames_in_all": audit.frames_in_all,
        "window": list(audit.window),
        "binned": audit.binned,
        "warnings": warnings(audit),
    }


def _finite(number: float) -> float | None:
    return number if number < float("inf") else None
