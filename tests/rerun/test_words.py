"""Options from histories: a command that is given them makes the very same product again."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from picpxct_nx.cli.main import app
from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Step
from picpxct_nx.records import Record
from picpxct_nx.rerun.compare import compare
from picpxct_nx.rerun.words import words
from picpxct_nx.values import Value

from .conftest import SAMPLES, load

# Product, and what it was made from; in the order of the chain.
STEPS = [("aligned", "cube"), ("registered", "aligned"), ("normalized", "registered"), ("grainmap", "normalized")]


@pytest.mark.parametrize(("product", "source"), STEPS)
def test_a_step_of_the_sample_files_is_run_again_to_the_same_values(
    product: str, source: str, sample: Callable[[str], Record], tmp_path: Path
) -> None:
    stored = sample(product)
    step = stored.history[-1]
    out = tmp_path / "again.nxs"
    line = [step.command, str(SAMPLES / f"{source}.nxs"), *words(step), "-o", str(out), "-q"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    found = compare(stored, load(out), 0.0)
    assert found.differences == ()
    assert found.arrays > 5


def options(command: str, others: Sequence[str] = (), /, **parameters: Any) -> list[str]:
    values = {name.replace("__", "@").replace("_dot_", "."): value for name, value in parameters.items()}
    return list(words(Step(command=command, parameters=values), others))


RECONSTRUCT: dict[str, Value] = {
    "recipe": "pie:3,ml:20", "frames": "::", "modes": 0, "seed": 7, "refine": "none", "also": "errors",
    "status": "done", "message": "23 iterations, Fourier error 0.01", "device": "cpu:1", "threads": 1,
    "automatic": "ml.likelihood", "ml.likelihood": "poisson", "ml.damping": 0.01, "probe.radius": float("inf"),
}  # fmt: skip


def pairs(line: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(line))


def test_what_was_left_to_an_engine_is_left_to_it_again() -> None:
    line = words(Step(command="reconstruct", parameters=RECONSTRUCT))
    assert "ml.likelihood=auto" in line
    given = words(Step(command="reconstruct", parameters=RECONSTRUCT | {"automatic": "none"}))
    assert "ml.likelihood=poisson" in given
    # Files of before that was recorded.
    old = {name: value for name, value in RECONSTRUCT.items() if name != "automatic"}
    assert "ml.likelihood=auto" in words(Step(command="reconstruct", parameters=old))


def test_a_reconstruction_that_was_ended_early_is_run_again_as_far_as_it_came() -> None:
    told = {"message": "stopped on request after 12 of 23 iterations", "status": "stopped"}
    line = list(words(Step(command="reconstruct", parameters=RECONSTRUCT | told)))
    assert ("--recipe", "pie:3,ml:9") in pairs(line)
    assert ("--also", "none") in pairs(line)


def test_the_probe_of_another_reconstruction_is_started_with_again() -> None:
    line = list(words(Step(command="reconstruct", parameters=RECONSTRUCT), ["rec.nxs::a"]))
    assert ("--start", "rec.nxs::a") in pairs(line)


def test_air_is_found_in_boxes_or_in_a_file_as_it_was() -> None:
    how: dict[str, Any] = {"order": "constant", "amplitude": np.bool_(False), "least_coverage": 0.1}
    box = options("flatten", air="y=-3um:-2um", **how)
    assert box[:4] == ["--air", "y=-3um:-2um", "--order", "constant"]
    assert "--no-amplitude" in box
    assert options("flatten", ("mask.npy",), air="file", **how)[1] == "mask.npy"
    with pytest.raises(InputError, match="does not name"):
        options("flatten", air="file", **how)


def test_quantities_keep_every_digit() -> None:
    angle = float(np.deg2rad(0.5))
    line = options(
        "stack", ("m.csv",), energy_tolerance=0.1 + 0.2, energy_tolerance__units="eV", angle_tolerance=angle,
        angle_tolerance__units="rad", repeats="mean", union=True, least_coverage=0.1, manifest="file",
    )  # fmt: skip
    assert ("--energy-tolerance", "0.30000000000000004 eV") in pairs(line)
    assert float(dict(pairs(line))["--angle-tolerance"].split()[0]) == angle
    assert {"--union", "--manifest"} <= set(line)


def test_a_reference_that_was_chosen_is_chosen_again_and_one_that_was_found_is_found_again() -> None:
    how: dict[str, Any] = {"max_shift": 2e-7, "max_shift__units": "m", "on": "phase", "strategy": "reference"}
    line = options("align", reference=np.array([5460.0, 5460.0]), reference_by="the caller", **how)
    assert ("--reference", "5460.0 eV") in pairs(line)
    assert ("--max-shift", "2e-07 m") in pairs(line)
    assert "--reference" not in options("align", reference=np.array([5472.0]), reference_by="strongest contrast", **how)
    assert options("align", ("donor.nxs::cube",), max_shift="none", **{"from": "uuid"}) == ["--from", "donor.nxs::cube"]


def test_a_dose_keeps_what_was_given_for_it() -> None:
    line = options(
        "dose", accumulate=True, flux="given", flux_given=6.8e8, flux_given__units="Hz", formula="O5 V2", mu="given",
        mu_given=np.array([2e4, 8e4]), mu_given__units="1/m", mu_energy=np.array([5460.0, 5480.0]),
        mu_energy__units="eV", beam="given", beam_diameter=5e-6, beam_diameter__units="m",
    )  # fmt: skip
    assert line[0] == "--accumulate"
    assert ("--flux", "680000000.0 Hz") in pairs(line)
    assert ("--mu", "5460.0 eV: 20000.0 1/m, 5480.0 eV: 80000.0 1/m") in pairs(line)
    assert "--formula" not in line


def test_a_calibration_is_given_as_numbers_or_read_from_a_file() -> None:
    how: dict[str, Any] = {
        "signal": "od-peak", "peak": np.array([5469.9, 5472.1]), "peak__units": "eV",
        "base": np.array([5460.0, 5467.4]), "base__units": "eV",
    }  # fmt: skip
    assert ("--calibration", "0.1,0.9") in pairs(options("grainmap", calibration="0.1,0.9", **how))
    assert ("--calibration", "ref.nxs::m") in pairs(options("grainmap", ("ref.nxs::m",), calibration="file", **how))
    with pytest.raises(InputError, match="does not name"):
        options("grainmap", calibration="file", **how)


def test_a_step_that_cannot_be_run_again_is_named() -> None:
    with pytest.raises(InputError, match="those that can are"):
        options("import")
    with pytest.raises(InputError, match="lacks the parameter 'by'"):
        options("normalize", e0=5483.4, e0__units="eV", e0_from="given", pre_order=0, post_order=0, victoreen=0.0,
                least_sigma=3.0, least_thickness="none")  # fmt: skip


def test_every_option_of_every_sample_is_known_to_its_command(sample: Callable[[str], Record]) -> None:
    commands: Any = getattr(get_command(app), "commands")  # noqa: B009  # a Group
    for name in ("grainmap", "frc", "dose"):
        for step in sample(name).history:
            if step.command != "simulate":
                known = {option for p in commands[step.command].params for option in (*p.opts, *p.secondary_opts)}
                assert {word for word in words(step) if word.startswith("--")} <= known
