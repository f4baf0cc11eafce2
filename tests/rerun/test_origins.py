"""Raw entries: the commands of simulate and import that their steps tell, and when there are none."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.rerun.origins import imported_again, simulations
from picpxct_nx.rerun.raw_words import imported
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.presets import Experiment
from picpxct_nx.simulate.record import parameters_of
from picpxct_nx.values import Value

FILES = {"a" * 64: "/x/master.h5", "b" * 64: "/x/stage.npy", "c" * 64: "/x/bad.h5"}


def simulated(experiment: Experiment, preset: str = "tutorial", seed: int = 3) -> Step:
    return Step(command="simulate", parameters=parameters_of(experiment, preset, seed))


def again(line: tuple[str, ...]) -> Experiment:
    """The experiment that a command line of simulate describes."""
    options = dict(zip(line[1::2], line[2::2], strict=True))
    settings = [value for name, value in zip(line[1::2], line[2::2], strict=True) if name == "--set"]
    return configure(options["--preset"], settings, energies=options["--energies"], rotations=options["--rotations"])


@pytest.mark.parametrize("preset", ["tutorial", "paper"])
def test_every_number_of_an_experiment_comes_back_to_the_bit(preset: str) -> None:
    experiment = configure(preset, ["photon_rate=1.1e7 Hz", "model=jones", "zone_plate.diameter=91.7 um"])
    (run,) = simulations({"u": simulated(experiment, preset)}, {})
    assert run.line[:5] == ("simulate", "--preset", preset, "--seed", "3")
    assert again(run.line) == experiment


def test_a_plan_is_all_numbers_and_needs_no_file() -> None:
    experiment = configure("tutorial", energies="5460 eV, 5470.1 eV", settings=["step=0.31 um"])
    experiment = replace(experiment, exposures=(1.0, 0.7))
    (run,) = simulations({"u": simulated(experiment, "plans/best.toml")}, {})
    assert again(run.line) == experiment


def test_scans_of_one_experiment_are_one_run_of_those_that_are_at_hand() -> None:
    step, other = simulated(configure("tutorial")), simulated(configure("tutorial"), seed=4)
    steps = {"u": step, "v": step, "w": other}
    names = {"u": "scan_E054600_R000", "v": "scan_E054710_R000"}
    first, second = simulations(steps, names)
    assert (first.uuids, second.uuids) == (("u", "v"), ("w",))
    assert first.line[-4:] == ("--only", "scan_E054600_R000", "--only", "scan_E054710_R000")
    # One without a file is found among all of its experiment.
    assert "--only" not in second.line
    with pytest.raises(InputError, match="history lacks the parameter 'preset'"):
        list(simulations({"u": Step(command="simulate")}, {}))


def from_files(sources: Mapping[str, str], /, **more: Value) -> Step:
    values: dict[str, Value] = {"format": "hdf5", "map": "data=/d[0,:],positions=/y+/x", "axes": "stage:+y,+x:um"}
    inputs = tuple(Input(checksum=checksum, file_name=name.rpartition("/")[2]) for checksum, name in sources.items())
    return Step(command="import", parameters=values | more, inputs=inputs)


def test_keys_in_other_files_are_found_by_the_number_of_the_input() -> None:
    step = from_files(
        FILES, files="data=1,positions=2+2,main=1,mask=3", mask="good:/mask", crop="440", center="default"
    )
    run = imported_again("u", step, FILES)
    assert run.line == (
        "import", "/x/master.h5", "--format", "hdf5", "--map",
        "data=/d[0,:],positions=/x/stage.npy::/y+/x/stage.npy::/x,mask=good:/x/bad.h5::/mask",
        "--axes", "stage:+y,+x:um", "--crop", "440",
    )  # fmt: skip
    # What was read besides, a file that a link named or a manifest, is not asked for.
    one = from_files(FILES, files="data=1,positions=1+1,main=1")
    assert imported_again("u", one, {"a" * 64: "/x/master.h5"}).line[1] == "/x/master.h5"


def test_what_was_stated_is_stated_again_with_its_unit() -> None:
    values: dict[str, Value] = {
        "format": "cxi", "set.energy": 5471.0, "set.energy@units": "eV", "set.stokes": "1,1,0,0",
        "assume.instrument.detector.count_time": 0.1, "assume.instrument.detector.count_time@units": "s",
    }  # fmt: skip
    line = imported(values, ("raw.cxi",))
    assert line[3:] == (
        "--assume", "instrument/detector/count_time=0.1 s", "--set", "energy=5471.0 eV", "--set",
        "stokes=1,1,0,0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (from_files(FILES), "does not say what was read from which of its 3 sources"),
        (Step(command="import"), "which of its 0 sources"),
        (from_files({"d" * 64: "scan.npz"}), "its source scan.npz (sha256 dddddddddddd...) is not there"),
    ],
)
def test_without_its_sources_nothing_is_imported(step: Step, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        imported_again("u", step, FILES)
