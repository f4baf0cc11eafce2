"""picpxct plan: what an experiment will reach, and which one reaches a target."""

from . import _experiment_options as e
from . import _options as o
from ._planned import experiment_of, refuse_early, write_plan


def plan(
    output: e.PlanOutput = None,
    preset: e.Preset = "paper",
    settings: e.PlanNumbers = None,
    energies: e.Energies = None,
    rotations: e.Rotations = None,
    orientation: e.OrientationTarget = None,
    resolution: e.ResolutionTarget = None,
    dose: e.DoseTarget = None,
    grain: e.GrainTarget = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Plan energies, polarisations, exposures and overlap for a target, or say what an experiment will reach.

    With a target a plan is proposed, in which energies and rotations that are given stay; without, the experiment is
    foreseen as it is. The plan is a TOML file that picpxct simulate reads.

    Example: picpxct plan --orientation "2 deg" --grain "0.2 um^2" -o plan.toml
    """
    from picpxct_nx.plan import ask
    from picpxct_nx.plan.make import make
    from picpxct_nx.plan.task import Task

    refuse_early(output, overwrite=overwrite, as_json=as_json)
    wanted = ask.target(orientation, resolution, dose, grain)
    experiment, base = experiment_of(preset, (), energies, rotations)
    task = Task(*ask.assume(experiment, settings or ()), wanted, seed)
    made = make(task, energies=energies is None, rotations=rotations is None)
    write_plan(made, base, output, overwrite=overwrite, quiet=quiet, as_json=as_json)
