"""Options: units are spoken, a flag wins over the environment over ./picpxct.toml over the default, help is lean."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from picpxct_nx.cli.main import app

from .conftest import TINY, Call, environment, message

COMMON = {
    "output",
    "overwrite",
    "quiet",
    "verbose",
    "progress",
    "json",
    "device",
    "seed",
    "keep-going",
    "watch",
    "memory",
    "help",
}
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def _long(parameter: Any) -> list[str]:
    return [text.removeprefix("--") for text in parameter.opts if text.startswith("--")]


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "--energies", "5460"),
        ("simulate", "--energies", "5460 eV, 5471"),
        ("simulate", "--energies", ","),
        ("simulate", "--rotations", "90"),
        ("simulate", "--rotations", "90 eV"),
        ("simulate", "--set", "step=0.4e-6"),
        ("simulate", "--set", "distance=1 s"),
        ("simulate", "--set", "n_positions=2.5"),
        ("simulate", "--set", "n_positions=many"),
        ("simulate", "--set", "colour=3"),
        ("simulate", "--preset", "great"),
        ("simulate", "--energies", "5460 eV, 5460 eV"),
        ("simulate", "--seed", "-1"),
        ("reconstruct", "--progress", "loud", "x.nxs"),
        ("reconstruct", "--no-such-option", "x.nxs"),
        ("recnstruct",),
    ],
    ids=" ".join,
)
def test_what_an_option_cannot_mean_is_a_usage_error(call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = call(*words, *(["-o", "x.nxs"] if len(words) > 1 else []))
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def _chosen(call: Call, *words: str) -> int:
    """Frames of a simulated scan."""
    result = call("simulate", *words, "--energies", "5460 eV", "--rotations", "0 deg", "-o", "x.nxs", "--overwrite")
    assert result.exit_code == 0, result.stderr
    found = re.search(r"1 scans of (\d+) frames", result.stderr)
    assert found
    return int(found[1])


def test_flag_wins_over_environment_over_file_over_default(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ("frame_size=32", "supersampling=1")
    default = _chosen(call, "--set", "frame_size=32")
    assert default == 60
    (tmp_path / "picpxct.toml").write_text(f"[simulate]\nset = {json.dumps([*small, 'n_positions=21'])}\n")
    assert _chosen(call) == 21
    monkeypatch.setenv("PICPXCT_SIMULATE_SET", "frame_size=32 supersampling=1 n_positions=22")
    assert _chosen(call) == 22
    assert _chosen(call, *TINY, "--set", "n_positions=23") == 23


def test_flags_are_set_from_the_environment_and_the_file(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picpxct.toml").write_text("[simulate]\njson = true\noverwrite = true\n")
    words = ("simulate", *TINY, "--energies", "5460 eV", "--rotations", "0 deg", "-o", "x.nxs")
    for _ in range(2):
        assert json.loads(call(*words).stdout)["entry"] == "scan_E054600_R000"
    monkeypatch.setenv("PICPXCT_SIMULATE_OVERWRITE", "0")
    assert call(*words).exit_code == 73


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[reconstruct\n", "wanted TOML"),
        ("\udcff", "wanted TOML"),
        ("[recnstruct]\n", "[recnstruct] is no command; wanted one of "),
        ("seed = 3\n", "[seed] is no command"),
        ("[simulate]\nsede = 3\n", "[simulate] sede is no option; wanted one of energies"),
        ("[simulate]\nas_json = true\n", "as_json is no option"),
        ("[simulate]\nseed = 'many'\n", "[simulate] seed = 'many'"),
        ("[simulate]\nseed = -3\n", "[simulate] seed = -3"),
        ("[simulate]\nset = 'step=1 um'\n", "wanted a list, for example ['step=1 um']"),
        ("[reconstruct]\nprogress = 'loud'\n", "[reconstruct] progress = 'loud'"),
    ],
)
def test_a_wrong_configuration_file_has_its_own_code(call: Call, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "picpxct.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    result = call("validate", "nowhere.nxs")
    assert result.exit_code == 78
    assert "picpxct.toml: " in message(result)
    assert says in message(result)


def test_an_unknown_variable_of_a_command_is_a_typing_error(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICPXCT_RECONSTRUCT_DEVISE", "cpu")
    result = call("validate", "nowhere.nxs")
    assert result.exit_code == 78
    assert "PICPXCT_RECONSTRUCT_DEVISE is no option; wanted one of PICPXCT_RECONSTRUCT_ALSO" in message(result)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = COMMANDS[name]
    assert f"Example: picpxct {name}" in command.help
    assert all(parameter.help for parameter in command.params if _long(parameter) != ["help"])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_at_most_eight_options_of_its_own(name: str) -> None:
    own = [text for parameter in COMMANDS[name].params if (text := _long(parameter)) and not COMMON & set(text)]
    assert len(own) <= 8, own


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_shows_no_variables_and_no_escapes(call: Call, name: str) -> None:
    result = call(*([name] if name else []), "--help")
    assert result.exit_code == 0
    assert "env var" not in result.stdout
    assert "\x1b" not in result.stdout


def test_every_help_is_light() -> None:
    code = (
        "import sys\nfrom picpxct_nx.cli.main import app\n"
        f"for name in {[[], *([name] for name in COMMANDS)]!r}:\n"
        "    try:\n        app([*name, '--help'])\n    except SystemExit as end:\n        assert end.code == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment())
    heavy = {"torch", "h5py", "scipy", "pint", "nexusformat", "matplotlib", "numpy"}
    assert heavy.isdisjoint(result.stderr.decode().split())


def test_version_is_told(call: Call) -> None:
    assert re.fullmatch(r"picpxct \d+\.\d+\.\d+\n", call("--version").stdout)


def test_no_command_shows_the_help(call: Call) -> None:
    result = call()
    assert result.exit_code in (0, 2)
    assert "reconstruct" in result.stdout + result.stderr


def test_quiet_says_nothing_and_verbose_says_what_is_chosen(call: Call, made: Path) -> None:
    words = ("reconstruct", made / "scan.nxs", "--recipe", "dm:1", "-o", "x.nxs", "--overwrite")
    assert call(*words, "-q").stderr == ""
    usual, more = call(*words).stderr, call(*words, "-v").stderr
    assert "wrote x.nxs" in usual
    assert f"read {made}/scan.nxs: scan_E054600_R000, NXspecptycho_scan" in more
    assert re.search(r"16 of 16 frames, object \d+ x \d+ px of 100.3 x 100.3 nm, 1 probe modes, cpu", more)
