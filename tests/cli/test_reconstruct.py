"""picpxct reconstruct: what ends it early, what it goes on from, and what else it delivers."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import FIRST, SECOND, Call, command, environment, message

# Long enough for a signal to come in the middle, and small enough for the machine to be quick.
LONG = ("--recipe", "pie:3,ml:400", "--device", "cpu:1", "--progress", "json")


def _facts(path: Path, entry: str = FIRST) -> dict[str, str]:
    with h5py.File(path) as file:
        last = max(name for name in file[entry] if name.startswith("process_"))
        group = file[f"{entry}/{last}/parameters"]
        return {name: group[name].asstr()[()] for name in ("status", "message", "recipe")}


def _image(path: Path, entry: str = FIRST) -> tuple[bytes, bytes, int]:
    with h5py.File(path) as file:
        item = file[entry]
        return (
            item["object/transmission"][()].tobytes(), item["probe/probe"][()].tobytes(), len(item["convergence/error"])
        )  # fmt: skip


def _interrupt(words: list[str], folder: Path, *numbers: signal.Signals, after: int = 5) -> tuple[int, str]:
    """Run until iteration `after`, send the signals, and wait for the end."""
    process = subprocess.Popen(words, stderr=subprocess.PIPE, env=environment(), cwd=folder, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{") and json.loads(line)["step"] >= after:
            break
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.05)
    rest = process.communicate(timeout=60)[1]
    return process.returncode, "\n".join(line for line in rest.splitlines() if not line.startswith("{"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_the_first_signal_leaves_a_valid_file_with_what_was_reached(
    made: Path, tmp_path: Path, call: Call, number: signal.Signals, code: int
) -> None:
    words = command("reconstruct", made / "scan.nxs", *LONG, "-o", "rec.nxs")
    found, said = _interrupt(words, tmp_path, number)
    assert found == code
    assert f"picpxct: {FIRST}: stopped on request after " in said
    assert "Traceback" not in said
    assert "wrote rec.nxs" in said
    count = _image(tmp_path / "rec.nxs")[2]
    assert 5 <= count < 403
    assert _facts(tmp_path / "rec.nxs") == {
        "status": "stopped",
        "message": f"stopped on request after {count} of 403 iterations",
        "recipe": "pie:3,ml:400",
    }
    assert call("validate", "rec.nxs").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["rec.nxs"]


def test_a_signal_reaches_the_processes_of_all_devices(made: Path, tmp_path: Path, call: Call) -> None:
    words = command("reconstruct", made / "scans.nxs", *LONG[:2], "--device", "cpu:1,cpu:1", *LONG[4:], "-o", "rec.nxs")
    found, said = _interrupt(words, tmp_path, signal.SIGINT)
    assert found == 130
    assert f"picpxct: {FIRST}: stopped on request after " in said
    assert "Traceback" not in said
    assert _facts(tmp_path / "rec.nxs")["status"] == "stopped"
    assert call("validate", tmp_path / "rec.nxs").exit_code == 0


def test_a_second_signal_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    # An iteration of minutes cannot be waited for.
    words = command("simulate", "--set", "n_positions=2000", "--set", "supersampling=1", "--energies", "5460 eV")
    scan = tmp_path / "in.nxs"
    subprocess.run([*words, "--rotations", "0 deg", "-q", "-o", scan], check=True, env=environment())
    words = command("reconstruct", scan, "--recipe", "ml:1,pie:50", "--device", "cpu:1", "--progress", "json")
    code, said = _interrupt([*words, "-o", "rec.nxs"], tmp_path, signal.SIGINT, signal.SIGINT, after=1)
    assert code == 130
    assert said == "picpxct: interrupted; no half-written file is left behind"
    assert [path.name for path in tmp_path.iterdir()] == ["in.nxs"]


def test_a_stopped_run_goes_on_to_the_same_numbers_and_no_other_run_does(
    made: Path, tmp_path: Path, call: Call
) -> None:
    recipe = ("--recipe", "pie:40", "--device", "cpu:1", "--seed", "3")
    whole = call("reconstruct", made / "scan.nxs", *recipe, "-q", "-o", "whole.nxs")
    assert whole.exit_code == 0
    words = ("reconstruct", made / "scan.nxs", *recipe, "--checkpoint", "kept", "--progress", "json", "-o", "rec.nxs")
    code, _ = _interrupt(command(*words), tmp_path, signal.SIGTERM)
    assert code == 143
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"{FIRST}.checkpoint.npz"]
    other = ("reconstruct", made / "scan.nxs", "--device", "cpu:1", "--checkpoint", "kept", "--overwrite", "-q")
    for more, says in ((("--recipe", "pie:4"), "another recipe"), (("--recipe", "pie:40", "--seed", "9"), "seed, 3")):
        result = call(*other, *more, "-o", "rec.nxs")
        assert result.exit_code == 65
        assert "checkpoint: made with another" in message(result)
        assert says in message(result)
    again = call(*words[:-3], "none", "-v", "--overwrite", "-o", "rec.nxs")
    assert again.exit_code == 0
    assert f"{FIRST}: goes on after iteration" in again.stderr
    assert _image(tmp_path / "rec.nxs") == _image(tmp_path / "whole.nxs")
    assert list((tmp_path / "kept").iterdir()) == []
    (tmp_path / "kept" / f"{FIRST}.checkpoint.npz").write_bytes(b"torn")
    result = call(*other, "--recipe", "pie:4", "-o", "rec.nxs")
    assert result.exit_code == 65
    assert "remove it to start afresh" in message(result)


def test_a_folder_keeps_whole_scans_and_makes_the_stopped_one_again(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scans.nxs", "--device", "cpu:1", "-o", "recs/")
    code, _ = _interrupt(command(*words, "--recipe", "pie:3,ml:400", "--progress", "json"), tmp_path, signal.SIGINT)
    assert code == 130
    assert [path.name for path in (tmp_path / "recs").iterdir()] == [f"{FIRST}.nxs"]
    again = call(*words, "--recipe", "pie:1", "--keep-going")
    assert again.exit_code == 0, again.stderr
    assert f"{FIRST}: recs/{FIRST}.nxs was stopped before its end and is made again" in again.stderr
    assert _facts(tmp_path / "recs" / f"{FIRST}.nxs")["status"] == "done"
    third = call(*words, "--recipe", "pie:1", "--keep-going")
    assert f"{FIRST}: recs/{FIRST}.nxs is there already" in third.stderr


def test_a_part_does_not_go_down_a_pipe(made: Path, tmp_path: Path) -> None:
    words = command("reconstruct", made / "scan.nxs", *LONG)
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path, text=False
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    data, said = process.communicate(timeout=60)
    assert (process.returncode, data) == (130, b"")
    assert said.endswith(b"picpxct: interrupted; no half-written file is left behind\n")


def test_a_part_goes_to_a_file_of_the_shell(made: Path, tmp_path: Path, call: Call) -> None:
    with (tmp_path / "rec.nxs").open("wb") as target:
        process = subprocess.Popen(
            command("reconstruct", made / "scan.nxs", *LONG), stdout=target, stderr=subprocess.PIPE, env=environment()
        )
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert _facts(tmp_path / "rec.nxs")["status"] == "stopped"


def test_rules_end_a_scan_and_are_recorded(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scan.nxs", "--device", "cpu:1", "-q", "--also", "none")
    assert call(*words, "--recipe", "ml:400", "--set", "stop.plateau=0.01", "-o", "a.nxs").exit_code == 0
    assert _facts(tmp_path / "a.nxs")["message"].startswith("ml: plateau at iteration ")
    assert call(*words, "--recipe", "pie:1000000", "--set", 'stop.time="1 s"', "-o", "b.nxs").exit_code == 0
    facts = _facts(tmp_path / "b.nxs")
    assert facts["status"] == "done"
    assert facts["message"].startswith("time limit of 1 s after ")
    with h5py.File(tmp_path / "b.nxs") as file:
        limit = file[f"{FIRST}/process_002/parameters/stop.time"]
        assert (limit[()], limit.attrs["units"]) == (1.0, "s")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "stop.time=90"), "--set stop.time=90: '90' has no unit"),
        (("--set", "stop.time=-1 s"), "time of -1 s; wanted more than 0"),
        (("--set", "stop.plateau=2"), "plateau 2; wanted"),
        (("--set", "stop.plateau=much"), "--set stop.plateau=much"),
        (("--set", "stop.error=1"), "unknown rule; wanted stop.plateau"),
        (("--also", "sigma"), "unknown word 'sigma'; wanted errors, halves, diverged or none"),
        (("--start", "warm=epie:3"), "unknown engine 'epie'"),
        (("--device", "cpu:x"), "device 'cpu:x': unknown"),
        (("--set", "start.defocus=find"), "--set start.defocus=find: unknown; wanted search, or given"),
        (("--set", "start.defocus=search", "--set", "scans.share=object"), "not with scans.share=object"),
    ],
)
def test_what_is_not_understood_is_refused(call: Call, made: Path, words: tuple[str, ...], says: str) -> None:
    result = call("reconstruct", made / "scan.nxs", *words, "-o", "rec.nxs")
    assert result.exit_code == 2
    assert says in message(result)


def test_a_defocus_of_the_wrong_sign_is_doubted_and_found_when_asked(made: Path, tmp_path: Path, call: Call) -> None:
    shutil.copy(made / "larger.nxs", tmp_path / "wrong.nxs")
    with h5py.File(tmp_path / "wrong.nxs", "r+") as file:
        given = float(file[f"{FIRST}/instrument/zone_plate/defocus"][()])
        file[f"{FIRST}/instrument/zone_plate/defocus"][()] = -given
    words = ("reconstruct", "wrong.nxs", "--device", "cpu:1", "--recipe", "pie:3,ml:20", "--progress", "none")
    lost = call(*words, "-o", "lost.nxs")
    assert "--set start.defocus=search" in lost.stderr
    found = call(*words, "--set", "start.defocus=search", "-v", "-o", "found.nxs")
    assert "start.defocus" not in found.stderr
    assert "the start probe is taken" in found.stderr
    with h5py.File(tmp_path / "found.nxs") as file, h5py.File(tmp_path / "lost.nxs") as bad:
        facts = file[f"{FIRST}/process_002/parameters"]
        assert facts["start.defocus"].asstr()[()] == "search"
        assert facts["refocus.added"][()] == pytest.approx(2 * given, rel=0.1)
        assert facts["refocus.added"].attrs["units"] == "m"
        assert file[f"{FIRST}/convergence/error"][-1] < 0.5 * bad[f"{FIRST}/convergence/error"][-1]
    assert call("validate", "found.nxs").exit_code == 0


def test_sigmas_come_with_the_images_unless_not_wanted(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scan.nxs", "--recipe", "pie:3,ml:5", "--device", "cpu:1", "-q")
    assert call(*words, "-o", "with.nxs").exit_code == 0
    assert call(*words, "--also", "none", "-o", "without.nxs").exit_code == 0
    with h5py.File(tmp_path / "with.nxs") as file, h5py.File(tmp_path / "without.nxs") as bare:
        sigma, coverage = file[f"{FIRST}/phase/phase_errors"][()], file[f"{FIRST}/object/coverage"][()]
        assert file[f"{FIRST}/phase/phase_errors"].attrs["units"] == "rad"
        assert np.array_equal(np.isfinite(sigma), coverage > 0.1 * coverage.max())
        assert file[f"{FIRST}/object/transmission_errors"].shape == sigma.shape
        assert file[f"{FIRST}/process_002/parameters/errors.phase_factor"][()] > 0
        assert "phase_errors" not in bare[f"{FIRST}/phase"]
    assert call("validate", "with.nxs", "without.nxs").exit_code == 0


def test_halves_say_the_resolution(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "larger.nxs", "--recipe", "pie:2,ml:5", "--device", "cpu:1", "--also", "halves")
    result = call(*words, "-o", "rec.nxs", "--json", "-v")
    assert result.exit_code == 0
    assert f"{FIRST}: halves: " in result.stderr
    assert "half_period_m" in json.loads(result.stdout)
    with h5py.File(tmp_path / "rec.nxs") as file:
        group = file[f"{FIRST}/halves"]
        assert group["correlation"].shape == group["spatial_frequency"].shape
        assert group["image"].asstr()[()] == "phase"
    assert call("validate", "rec.nxs").exit_code == 0


def test_a_scan_too_small_for_halves_says_so(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scan.nxs", "--recipe", "pie:1", "--device", "cpu:1", "--also", "halves", "-v")
    result = call(*words, "-o", "rec.nxs")
    assert result.exit_code == 0, result.stderr
    assert "no resolution from halves" in result.stderr
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert "halves" not in file[FIRST]
        assert "halves.unresolved" in file[f"{FIRST}/process_002/parameters"]


def test_warm_scans_are_taken_by_energy_and_name_their_neighbour(made: Path, tmp_path: Path, call: Call) -> None:
    names = [f"{made}/scans.nxs::{entry}" for entry in (SECOND, FIRST)]
    words = ("reconstruct", *names, "--recipe", "pie:3", "--start", "warm=ml:2", "--device", "cpu:1", "-v")
    result = call(*words, "-o", "rec.nxs")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.index(f"{FIRST}: 16 of") < result.stderr.index(f"{SECOND}: 16 of")
    assert f"warm from {FIRST}, moved by (" in result.stderr
    assert "warm_shift" not in _facts(tmp_path / "rec.nxs", FIRST)
    assert [_facts(tmp_path / "rec.nxs", entry)["recipe"] for entry in (FIRST, SECOND)] == ["pie:3", "ml:2"]
    with h5py.File(tmp_path / "rec.nxs") as file:
        last = max(name for name in file[SECOND] if name.startswith("process_"))
        shift = file[f"{SECOND}/{last}/parameters/warm_shift"]
        assert shift.shape == (2,)
        assert shift.attrs["units"] == "m"
        inputs = [f"{SECOND}/{last}/{name}" for name in file[f"{SECOND}/{last}"] if name.startswith("input_")]
        named = {file[f"{name}/identifier_entry"].asstr()[()] for name in inputs}
        assert f"urn:uuid:{file[f'{FIRST}/entry_identifier_uuid'].asstr()[()]}" in named
    assert call("validate", "rec.nxs").exit_code == 0


def test_a_chain_of_warm_starts_goes_on_to_the_same_numbers(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("--recipe", "pie:3", "--start", "warm=ml:2", "--device", "cpu:1", "-v", "--keep-going")
    assert call("reconstruct", made / "scans.nxs", *words, "-o", "whole/").exit_code == 0
    assert call("reconstruct", f"{made}/scans.nxs::{FIRST}", *words, "-o", "parts/").exit_code == 0
    again = call("reconstruct", made / "scans.nxs", *words, "-o", "parts/")
    assert again.exit_code == 0, again.stderr
    assert f"{FIRST}: parts/{FIRST}.nxs is there already" in again.stderr
    assert f"warm from {FIRST}, moved by (" in again.stderr
    assert _image(tmp_path / "parts" / f"{SECOND}.nxs", SECOND) == _image(tmp_path / "whole" / f"{SECOND}.nxs", SECOND)


def test_a_warm_start_takes_the_modes_and_refines_the_rest_afresh(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scans.nxs", "--recipe", "pie:4", "--start", "warm=ml:2", "--device", "cpu:1", "-v")
    model = ("--modes", "2", "--refine", "positions,intensity,background", "--set", "background.start=3")
    result = call(*words, *model, "-o", "rec.nxs")
    assert result.exit_code == 0, result.stderr
    with h5py.File(tmp_path / "rec.nxs") as file:
        parameters = []
        for entry in (FIRST, SECOND):
            group = file[entry]
            assert group["probe/probe"].shape[0] == 2
            assert {"intensity", "x", "y", "frame"} <= set(group["positions"])
            assert "background/background" in group
            assert np.isfinite(group["phase/phase_errors"][()]).any()
            parameters.append(group[f"{max(name for name in group if name.startswith('process_'))}/parameters"])
        # A good start has nothing that could be taken for a background.
        assert [group["background.start"][()] for group in parameters] == [3, 1]
        assert [group["positions.start"][()] for group in parameters] == [3, 1]
    assert call("validate", "rec.nxs").exit_code == 0


def test_halves_are_refined_as_the_whole(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "larger.nxs", "--recipe", "pie:3,ml:10", "--device", "cpu:1", "-v", "-o", "rec.nxs")
    model = ("--modes", "2", "--refine", "positions,intensity,variation")
    result = call(*words, *model, "--also", "errors,halves")
    assert result.exit_code == 0, result.stderr
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert file[FIRST]["halves/correlation"][()].max() > 0.9
    assert call("validate", "rec.nxs").exit_code == 0


def test_a_stopped_run_that_refines_goes_on_to_the_same_numbers(made: Path, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", made / "scan.nxs", "--recipe", "pie:3,ml:40", "--device", "cpu:1", "--also", "none")
    model = ("--modes", "2", "--refine", "positions,intensity,background,variation", "--progress", "json")
    whole = call(*words, *model, "-o", "whole.nxs")
    assert whole.exit_code == 0, whole.stderr
    again = command(*words, *model, "--checkpoint", "unfinished", "-o", "rec.nxs")
    code, said = _interrupt(again, tmp_path, signal.SIGINT, after=8)
    assert code == 130, said
    (tmp_path / "rec.nxs").unlink()
    assert (tmp_path / "unfinished" / f"{FIRST}.checkpoint.npz").exists()
    other = call(*words, "--checkpoint", "unfinished", "-o", "rec.nxs")
    assert other.exit_code == 65
    assert "checkpoint: made with another recipe or refinement" in message(other)
    result = call(*words, *model, "--checkpoint", "unfinished", "-o", "rec.nxs")
    assert result.exit_code == 0, result.stderr
    assert _image(tmp_path / "rec.nxs") == _image(tmp_path / "whole.nxs")
