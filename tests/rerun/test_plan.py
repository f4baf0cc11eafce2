"""Chains: what is run again, in which order, alike steps in one run."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.records import Record
from picpxct_nx.rerun.plan import Place, chain
from picpxct_nx.values import Value


def test_the_chain_of_grains_begins_at_their_raw_scans(sample: Callable[[str], Record]) -> None:
    grains = sample("grainmap")
    found = chain({grains.uuid: grains.history})
    assert len(found.raw) == 12
    commands = [run.command for run in found.runs]
    assert [c for c in commands if c != "reconstruct"] == [
        "flatten",
        "stack",
        "align",
        "register",
        "normalize",
        "grainmap",
    ]
    assert sum(len(run.inputs) for run in found.runs if run.command == "reconstruct") == 12
    made = set(found.raw)
    for run in found.runs:
        assert set(run.inputs) <= made
        made |= set(run.outputs)
    assert grains.uuid in made


def test_halves_of_one_scan_are_two_runs(sample: Callable[[str], Record]) -> None:
    curve = sample("frc")
    found = chain({curve.uuid: curve.history})
    assert [(run.command, len(run.inputs)) for run in found.runs] == [
        ("reconstruct", 1),
        ("reconstruct", 1),
        ("frc", 2),
    ]
    places = {uuid: Place("scan.nxs", "scan") for uuid in found.raw}
    lines = [run.line(places, {}) for run in found.runs[:2]]
    assert [line[line.index("--frames") + 1] for line in lines] == ["0::2", "1::2"]
    assert lines[0][1] == "scan.nxs::scan"
    assert lines[0][-2:] == ("--device", "cpu:1")
    assert found.runs[0].line(places, {}, "cuda:0")[-1] == "cuda:0"


def raw(uuid: str) -> Step:
    return Step(command="simulate", output_uuid=uuid)


def solved(output: str, *inputs: str, recipe: str = "pie:3,ml:20", **more: Value) -> Step:
    how: dict[str, Value] = {
        "recipe": recipe,
        "frames": "::",
        "modes": 0,
        "seed": 0,
        "refine": "none",
        "also": "none",
        "device": "cpu",
    }
    named = tuple(Input(uuid=uuid, checksum=uuid) for uuid in inputs)
    return Step(command="reconstruct", output_uuid=output, inputs=named, parameters=how | more)


def flat(uuid: str) -> Step:
    values: dict[str, Value] = {"air": "auto", "order": "linear", "amplitude": True, "least_coverage": 0.1}
    return Step(command="flatten", inputs=(Input(uuid=uuid, checksum=uuid),), parameters=values)


def test_scans_that_start_from_their_neighbours_are_one_run_with_the_cold_recipe() -> None:
    history = [
        raw("r1"), solved("a", "r1"), raw("r2"), solved("b", "r2", "a", recipe="ml:10", warm_shift=0.0), raw("r3"),
        solved("c", "r3", "b", recipe="ml:10", warm_shift=0.0), flat("c"),
    ]  # fmt: skip
    found = chain({"d": history})
    warm, last = found.runs
    assert (warm.inputs, warm.outputs, warm.start) == (("r1", "r2", "r3"), ("a", "b", "c"), "warm=ml:10")
    line = warm.line({uuid: Place("s.nxs", uuid) for uuid in found.raw}, {})
    assert line[line.index("--recipe") + 1] == "pie:3,ml:20"
    assert line[line.index("--start") + 1] == "warm=ml:10"
    assert last.inputs == ("c",)


def test_a_chain_begins_at_an_amended_scan() -> None:
    amended = Step(
        command="amend", output_uuid="r2", inputs=(Input(uuid="r1", checksum="r1"), Input(checksum="f" * 64))
    )
    found = chain({"d": [raw("r1"), amended, solved("a", "r2"), flat("a")]})
    assert [run.command for run in found.runs] == ["reconstruct", "flatten"]
    assert dict(found.raw) == {"r2": "r2"}
    assert found.foreign == ()


def test_a_probe_that_was_started_with_is_made_before() -> None:
    history = [raw("r1"), solved("a", "r1"), raw("r2"), solved("b", "r2", "a"), flat("b")]
    found = chain({"d": history})
    assert [run.outputs for run in found.runs] == [("a",), ("b",), ("d",)]
    places = {uuid: Place("s.nxs", uuid) for uuid in ("r1", "r2", "a")}
    line = found.runs[1].line(places, {})
    assert line[line.index("--start") + 1] == "s.nxs::a"


def test_a_foreign_file_is_found_by_its_hash_or_missed() -> None:
    step = replace(flat("a"), parameters={**flat("a").parameters, "air": "file"})
    step = replace(step, inputs=(*step.inputs, Input(checksum="f" * 64, file_name="mask.npy")))
    found = chain({"d": [raw("r1"), solved("a", "r1"), step]})
    assert [one.file_name for one in found.foreign] == ["mask.npy"]
    run = found.runs[-1]
    assert run.line({"a": Place("a.nxs", "s")}, {"f" * 64: "/x/m.npy"})[3] == "/x/m.npy"
    with pytest.raises(InputError, match=r"mask.npy, which is not there"):
        run.line({"a": Place("a.nxs", "s")}, {})


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ([], "no history"), ([replace(raw("r1"), command="amend")], "is raw data of amend"),
        ([replace(raw("r1"), output_uuid=None), flat("x")], "broken"),
    ],
)  # fmt: skip
def test_what_has_no_chain_is_refused(history: list[Step], told: str) -> None:
    with pytest.raises(InputError, match=told):
        chain({"d": history})


def test_products_that_share_steps_run_them_once_and_alike_ones_together() -> None:
    found = chain({
        "d": [raw("r1"), solved("a", "r1"), flat("a")], "e": [raw("r2"), solved("b", "r2"), flat("b")],
        "a": [raw("r1"), solved("a", "r1")],
    })  # fmt: skip
    assert [(run.command, run.outputs) for run in found.runs] == [("reconstruct", ("a", "b")), ("flatten", ("d", "e"))]
    assert set(found.raw) == {"r1", "r2"}


def test_scans_that_shared_something_are_one_run_whichever_product_is_asked_for() -> None:
    shared: dict[str, Value] = {"scans.share": "object", "scans.drift": "find", "scans.count": 2, "scans.shift": 0.0}
    first, second = (
        replace(step, parameters={**step.parameters, **shared})
        for step in (solved("a", "r1", "r2", "p"), solved("b", "r2", "r1", "p"))
    )
    raws = [raw("r1"), raw("r2"), raw("r0"), solved("p", "r0")]
    run = chain({"d": [*raws, second, flat("b")]}).runs[1]
    assert (run.inputs, run.outputs) == (("r1", "r2"), ("", "b"))
    line = run.line({uuid: Place("s.nxs", uuid) for uuid in ("r1", "r2", "p")}, {})
    assert line[1:3] == ("s.nxs::r1", "s.nxs::r2")
    assert [line[at + 1] for at, word in enumerate(line) if word == "--set"] == [
        "scans.drift=find", "scans.share=object"]  # fmt: skip
    assert line[line.index("--start") + 1] == "s.nxs::p"
    both = chain({"d": [*raws, first, flat("a")], "e": [*raws, second, flat("b")]})
    assert [run.outputs for run in both.runs] == [("p",), ("a", "b"), ("d", "e")]
