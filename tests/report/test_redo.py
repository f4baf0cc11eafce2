"""Commands that redo a scan: everything that was chosen is spelled out, and other entries of a file are not lost."""

import dataclasses
import shlex

from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.report.gather import Gathered, done


def words(gathered: Gathered) -> list[str]:
    return shlex.split(done(gathered)[0].redo.replace("\\\n", ""))


def test_the_command_names_scan_parameters_and_target(scan: Scan, recs: list[Reconstruction]) -> None:
    gathered = Gathered()
    gathered.add(scan, "my scans/s.nxs")
    gathered.add(recs[0], "recs/a.nxs")
    got = words(gathered)
    assert got[:3] == ["picpxct", "reconstruct", "my scans/s.nxs::scan_0"]
    assert got[got.index("--recipe") + 1] == "pie:3,ml:20"
    assert "pie.friction=0.7" in got
    assert got[-3:] == ["--overwrite", "-o", "recs/a.nxs"]


def test_a_raw_scan_that_was_not_given_has_a_placeholder(recs: list[Reconstruction]) -> None:
    gathered = Gathered()
    gathered.add(recs[0], "recs/a.nxs")
    assert words(gathered)[2] == "SCAN.nxs"


def test_a_file_of_many_entries_is_not_overwritten(recs: list[Reconstruction]) -> None:
    gathered = Gathered()
    for record in recs:
        gathered.add(record, "all.nxs")
    assert words(gathered)[-2:] == ["-o", "scan_0_again.nxs"]
    assert "--overwrite" not in words(gathered)


def test_a_history_without_a_reconstruction_gives_no_command(recs: list[Reconstruction]) -> None:
    gathered = Gathered()
    gathered.add(dataclasses.replace(recs[0], history=recs[0].history[:1]), "a.nxs")
    assert done(gathered)[0].redo == ""


def test_scans_that_shared_an_object_are_asked_for_again(recs: list[Reconstruction]) -> None:
    *old, last = recs[0].history
    how = {**last.parameters, "scans.share": "object", "scans.drift": "find", "scans.count": 3}
    shared = dataclasses.replace(last, parameters=how, inputs=last.inputs[:1] * 3)
    gathered = Gathered()
    gathered.add(dataclasses.replace(recs[0], history=(*old, shared)), "recs/a.nxs")
    got = words(gathered)
    assert got[2:5] == ["SCAN.nxs", "OTHER_1.nxs", "OTHER_2.nxs"]
    assert {"scans.share=object", "scans.drift=find"} <= set(got)
    assert "--start" not in got
