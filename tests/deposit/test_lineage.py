"""The graph of histories: it closes at raw data, or says where it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from picpxct_nx.deposit.lineage import notes, trace
from picpxct_nx.deposit.planning import Plan, listed
from picpxct_nx.deposit.survey import Held, Holding
from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.records import Scan, SpectralCube

RAW, MID, TOP = (f"{n}0000000-0000-0000-0000-000000000000" for n in "123")


def step(command: str, *inputs: tuple[str | None, str], output: str | None = None, transient: bool = False) -> Step:
    named = tuple(Input(uuid=uuid, checksum=checksum * 64, file_name="x") for uuid, checksum in inputs)
    return Step(
        command=command, date="2026-01-01T00:00:00+00:00", inputs=named, output_uuid=output, transient=transient
    )


SIMULATED = step("simulate", output=RAW)
MADE = step("reconstruct", (RAW, "a"), output=MID)
STACKED = step("stack", (MID, "b"))


def held(uuid: str, digest: str, *history: Step) -> Holding:
    raw = uuid == RAW
    definition = (Scan if raw else SpectralCube).DEFINITION
    one = Held(f"entry_{uuid[0]}", definition, "1.0.0", uuid, digest * 64, "title", history, {}, {})
    name = f"{uuid[0]}.nxs"
    return Holding(Path(name), name, "raw" if raw else "derived", 1, (one,))


def codes(*holdings: Holding, external: dict[str, str | None] | None = None) -> list[str]:
    return [fault.code for fault in trace(holdings, external or {}, {})[1]]


def test_a_chain_closes_at_raw_data_that_are_there() -> None:
    lineage, faults = trace([held(RAW, "a", SIMULATED), held(TOP, "c", SIMULATED, MADE, STACKED)], {}, {})
    assert faults == ()
    assert [action.step.command for action in lineage.ordered] == ["simulate", "reconstruct", "stack"]
    assert lineage.intermediate == (MID,)
    assert "1 products of reconstruct were files" in notes(lineage)[0]


def test_what_only_lived_in_a_pipe_is_no_gap() -> None:
    piped = replace(MADE, transient=True)
    lineage, faults = trace([held(RAW, "a", SIMULATED), held(TOP, "c", SIMULATED, piped, STACKED)], {}, {})
    assert faults == ()
    assert lineage.intermediate == ()
    assert notes(lineage) == ("1 products only lived in a pipe; they are described, not kept",)


def test_raw_data_without_any_history_close_a_chain() -> None:
    assert codes(held(RAW, "a"), held(MID, "b", MADE)) == []


def test_an_amended_scan_is_raw_data_and_closes_a_chain() -> None:
    before, patch = ("9" * 8, "e"), (None, "f")
    amended = step("amend", before, patch, output=RAW)
    history = (step("import", (None, "d"), output=before[0]), amended)
    assert codes(held(RAW, "a", *history), held(MID, "b", *history, MADE)) == []
    assert codes(held(MID, "b", *history, MADE)) == ["CHAIN_OPEN"] * 2


def test_a_chain_without_its_raw_data_is_open_unless_they_are_listed() -> None:
    product = held(TOP, "c", SIMULATED, MADE, STACKED)
    assert codes(product) == ["CHAIN_OPEN"]
    assert codes(product, external={RAW: "https://doi.org/10.1/x"}) == []
    assert codes(product, external={"a" * 64: None}) == []


def test_one_raw_entry_that_many_products_lack_is_told_once() -> None:
    assert codes(held(MID, "b", SIMULATED, MADE), held(TOP, "c", SIMULATED, MADE, STACKED)) == ["CHAIN_OPEN"]


def test_raw_data_that_were_changed_break_the_chain() -> None:
    assert codes(held(RAW, "f", SIMULATED), held(MID, "b", SIMULATED, MADE)) == ["CHAIN_CHECKSUM"]


def test_a_product_that_was_changed_breaks_the_chain_of_what_was_made_from_it() -> None:
    files = held(RAW, "a", SIMULATED), held(MID, "f", SIMULATED, MADE), held(TOP, "c", SIMULATED, MADE, STACKED)
    assert codes(*files) == ["CHAIN_CHECKSUM"]


def test_a_product_without_history_is_refused() -> None:
    assert codes(held(RAW, "a"), held(TOP, "c")) == ["CHAIN"]


def test_two_accounts_of_one_step_must_agree() -> None:
    other = replace(MADE, parameters={"seed": 1})
    files = held(RAW, "a", SIMULATED), held(MID, "b", SIMULATED, MADE), held(TOP, "c", SIMULATED, other, STACKED)
    assert codes(*files) == ["CHAIN"]


def test_two_readers_of_one_transient_product_must_have_read_the_same() -> None:
    other = held(TOP[:-1] + "9", "d", SIMULATED, MADE, step("stack", (MID, "e")))
    files = held(RAW, "a", SIMULATED), held(TOP, "c", SIMULATED, MADE, STACKED), other
    assert codes(*files) == ["CHAIN_CHECKSUM"]


def test_an_entry_may_be_there_once_only() -> None:
    again = replace(held(RAW, "a"), path=Path("other.nxs"), name="other.nxs")
    assert codes(held(RAW, "a"), again) == ["UUID_TWICE"]


def test_a_manifest_that_was_read_belongs_to_the_deposit() -> None:
    stacked = step("stack", (MID, "b"), (None, "e"))
    files = held(RAW, "a", SIMULATED), held(TOP, "c", SIMULATED, MADE, stacked)
    assert codes(*files) == ["CHAIN_OPEN"]
    table = Holding(Path("m.csv"), "m.csv", "auxiliary", 1)
    assert trace([*files, table], {}, {"m.csv": "e" * 64})[1] == ()
    # A file that nothing read is no part of it.
    assert [fault.code for fault in trace([*files, table], {}, {"m.csv": "0" * 64})[1]] == ["CHAIN_OPEN", "NOT_NEXUS"]


def test_what_a_raw_scan_was_imported_from_need_not_be_kept() -> None:
    imported = step("import", (None, "9"), output=RAW)
    assert codes(held(RAW, "a", imported), held(MID, "b", imported, MADE)) == []


def test_a_list_of_external_inputs_takes_uuids_and_hashes_with_addresses() -> None:
    text = f"# raw data at PSI\n{RAW} https://doi.org/10.5281/zenodo.1\nsha256:{'A' * 64}\n\nurn:uuid:{MID} # none\n"
    assert listed(text, "list") == {RAW: "https://doi.org/10.5281/zenodo.1", "a" * 64: None, MID: None}
    for wrong in ("scan.nxs", f"{RAW} somewhere", f"{RAW} 10.1/x more"):
        with pytest.raises(InputError, match="line 1"):
            listed(wrong, "list")


def test_the_sample_files_close_a_chain_through_halves_that_are_not_kept(plan: Plan) -> None:
    assert [action.step.command for action in plan.lineage.ordered].count("reconstruct") == 3
    assert len(plan.lineage.intermediate) == 2
