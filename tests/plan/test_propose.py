"""Proposals: they reach their targets, cost less than what else there is, and are plans that simulate reads."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.plan import ask
from picpxct_nx.plan.file import plan_of
from picpxct_nx.plan.forecast import Error, forecast, reached
from picpxct_nx.plan.make import make
from picpxct_nx.plan.propose import propose
from picpxct_nx.plan.task import Task, least_fluence
from picpxct_nx.simulate.configure import planned
from picpxct_nx.simulate.planfile import Plan
from picpxct_nx.simulate.presets import PAPER, TUTORIAL, Experiment


def task(experiment: Experiment = PAPER, *settings: str, **wanted: str) -> Task:
    return Task(*ask.assume(experiment, settings), ask.target(**wanted))


@pytest.mark.parametrize(
    "wanted",
    [
        {"orientation": "2 deg"},
        {"orientation": "0.5 deg", "grain": "0.2 um2"},
        {"orientation": "1 deg", "resolution": "100 nm"},
        {"resolution": "60 nm"},
        {"dose": "10 MGy"},
        {"orientation": "3 deg", "dose": "10 MGy"},
    ],
)
def test_targets_are_reached_and_not_by_far(wanted: dict[str, str]) -> None:
    made = make(task(PAPER, "excess=1", **wanted))
    assert all(reached(made.forecast, made.task.wanted, made.signal).values())
    if "orientation" in wanted and "dose" not in wanted:
        found, goal = made.forecast.error_of(made.signal), made.task.wanted.orientation
        assert found == pytest.approx(goal, rel=0.03)
    if wanted == {"dose": "10 MGy"}:
        assert made.forecast.dose == pytest.approx(1e7, rel=1e-3)
    assert not made.forecast.mirror_ambiguous


def test_target_beyond_the_dose_is_told_and_the_dose_kept() -> None:
    made = make(task(orientation="0.5 deg", dose="1 MGy"))
    assert reached(made.forecast, made.task.wanted, made.signal) == {"orientation": False, "dose": True}
    assert any(line == "orientation: NOT reached" for line in made.lines)


def test_proposal_needs_less_than_the_papers_energies_at_equal_dose() -> None:
    made = make(task(dose="10 MGy"))
    paper = forecast(task(replace(PAPER, photon_rate=PAPER.photon_rate * 1e7 / 3.66e8)))
    ours, theirs = made.forecast.errors["phase-lobe"], paper.errors["phase-lobe"]
    assert isinstance(ours, Error)
    assert isinstance(theirs, Error)
    assert paper.dose == pytest.approx(1e7, rel=0.01)
    assert theirs.element > 3 * ours.element
    assert made.forecast.scans == 15


@pytest.mark.parametrize("other", [(5460.0, 5470.0, 5472.0, 5482.0, 5515.0), (5460.0, 5471.0, 5482.0, 5515.0)])
def test_no_other_set_of_energies_reaches_the_target_with_less(other: tuple[float, ...]) -> None:
    ours = make(task(PAPER, orientation="2 deg")).forecast
    given = propose(task(replace(PAPER, energies_ev=other), orientation="2 deg"), energies=False)
    assert ours.dose <= 1.01 * forecast(task(given.experiment)).dose


def test_sharing_out_photons_beats_equal_photons() -> None:
    proposal = propose(task(dose="10 MGy"))
    even = replace(proposal.experiment, exposures=())
    total = forecast(task(even)).dose
    even = replace(even, photon_rate=even.photon_rate * 1e7 / total)
    own, other = (forecast(task(each)).errors["phase-lobe"] for each in (proposal.experiment, even))
    assert isinstance(own, Error)
    assert isinstance(other, Error)
    assert own.element < 0.8 * other.element


def test_energies_and_rotations_that_are_given_stay() -> None:
    given = replace(PAPER, energies_ev=(5460.0, 5471.0, 5482.0, 5515.0), rotations=(0.0, np.pi / 2))
    found = propose(task(given, orientation="3 deg"), energies=False, rotations=False)
    assert found.experiment.energies_ev == given.energies_ev
    assert found.experiment.rotations == given.rotations
    assert found.signal == "od-peak"


def test_no_scan_gets_less_than_its_images_need() -> None:
    made = make(task(orientation="3 deg", resolution="80 nm"))
    energies = made.task.experiment.energies_ev
    assert np.all(np.array(made.forecast.fluence) > 0.999 * least_fluence(made.task, energies))
    assert made.forecast.resolution <= 80e-9 * 1.001


def test_overlap_sets_step_and_positions_on_the_same_field() -> None:
    made = make(task(PAPER, "overlap=0.8", dose="10 MGy")).task.experiment
    assert made.step == pytest.approx(1e-6)
    assert made.n_positions * made.step**2 == pytest.approx(PAPER.n_positions * PAPER.step**2, rel=0.01)
    assert forecast(task(made)).overlap == pytest.approx(0.8)


def test_thick_crystals_are_warned_of() -> None:
    warned = [any("thicker than 4 um" in line for line in make(task(PAPER, f"thickness={t} um")).lines) for t in (3, 6)]
    assert warned == [False, True]


def test_signal_can_be_asked_for() -> None:
    assert make(task(PAPER, "signal=od-peak", dose="10 MGy")).signal == "od-peak"


@pytest.mark.parametrize("experiment", [PAPER, TUTORIAL])
def test_plan_is_the_experiment_that_was_foreseen(experiment: Experiment) -> None:
    made = make(task(experiment, "zone_plate.diameter=110 um", orientation="3 deg", grain="0.3 um^2"))
    preset = "paper" if experiment is PAPER else "tutorial"
    again = planned(Plan.parse(made.text(preset), "plan.toml"), "plan.toml")
    first, second = forecast(task(made.task.experiment)), forecast(task(again))
    assert second.dose == pytest.approx(first.dose, rel=1e-6)
    assert second.fluence == pytest.approx(first.fluence, rel=1e-6)
    assert again.zone_plate == made.task.experiment.zone_plate
    assert np.rad2deg(again.rotations) == pytest.approx([0, 60, 120])
    assert plan_of(again, preset) == plan_of(made.task.experiment, preset)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(InputError, match="all rotations are parallel or there is one; wanted two or more"):
        forecast(task(replace(PAPER, rotations=(0.0, np.pi))))
    with pytest.raises(InputError, match="the beam is linearly polarised to 5%; wanted at least 10%"):
        propose(task(replace(PAPER, polarisation_purity=0.05), dose="1 MGy"))
    with pytest.raises(UsageError, match="thickness '1 m': wanted at most 120 um; no light comes through more"):
        ask.assume(PAPER, ["thickness=1 m"])
    with pytest.raises(UsageError, match=r"the particle is .* pixels of 48.8 nm wide; wanted at most 8192"):
        make(task(replace(PAPER, particle_size=(1e-3, 1e-6, 1e-6))))
    with pytest.raises(InputError, match="no signal can be read at these energies: normalize takes an energy"):
        propose(task(replace(PAPER, energies_ev=(5460.0, 5471.0)), dose="1 MGy"), energies=False)
    with pytest.raises(InputError, match=r"no dose below 1e\+13 Gy reaches an orientation of 1e-06 deg"):
        propose(task(orientation="1e-6 deg"))
    with pytest.raises(UsageError, match=r"--resolution 10 nm is less than a pixel, 48.82 nm"):
        make(task(resolution="10 nm"))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("excess=0.5", "excess '0.5': wanted 1 or more"),
        ("excess=much", "excess: 'much' is not a number"),
        ("tilt=90 deg", "tilt '90 deg': wanted 0 to less than 89 deg"),
        ("thickness=0 um", "thickness '0 um': wanted more than zero"),
        ("thickness=1", "thickness: '1' has no unit"),
        ("overlap=0.99", r"overlap '0.99': wanted 0.4 to 0.95"),
        ("signal=xrf", "signal: 'xrf' is not known; wanted one of auto, od-peak, phase-lobe"),
        ("speed=1", "wanted NAME=VALUE with one of .*, or of the plan itself: thickness, tilt, excess"),
        ("model=both", "model: 'both' is not known"),
    ],
)
def test_assumptions_that_mean_nothing_are_refused(setting: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        ask.assume(PAPER, [setting])


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"orientation": "2"}, "--orientation: '2' has no unit"),
        ({"orientation": "50 deg"}, "--orientation '50 deg' is what is known without measuring"),
        ({"orientation": "0 deg"}, "--orientation '0 deg': wanted more than zero"),
        ({"dose": "5 um"}, "--dose: '5 um'"),
        ({"grain": "3 um"}, "--grain: '3 um'"),
    ],
)
def test_targets_that_mean_nothing_are_refused(wanted: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        ask.target(**wanted)


def test_overlap_may_be_a_percentage() -> None:
    assert ask.assume(PAPER, ["overlap=80 %"])[1].overlap == pytest.approx(0.8)
