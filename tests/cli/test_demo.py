"""picpxct demo: its commands are understood, are shown as one types them, and each step says what it does."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from picpxct_nx.cli import _walkthrough
from picpxct_nx.cli.main import app
from picpxct_nx.errors import PicpxctError

from .conftest import Call, message


def test_every_command_of_the_demo_is_understood() -> None:
    commands: Any = typer.main.get_command(app)
    for step in _walkthrough.steps("demo"):
        assert step.says
        for words in step.commands:
            commands.commands[words[0]].make_context(words[0], list(words[1:]))


def test_what_is_shown_is_what_is_run(tmp_path: Path) -> None:
    for name in ("b.nxs", "a.nxs", "c.txt"):
        (tmp_path / name).touch()
    words = ("normalize", f"{tmp_path}/*.nxs", "--e0", "5483.4 eV")
    ran = _walkthrough.expanded(words)
    assert ran == ("normalize", f"{tmp_path}/a.nxs", f"{tmp_path}/b.nxs", "--e0", "5483.4 eV")
    assert _walkthrough.shown(words) == f"picpxct normalize {shlex.quote(str(tmp_path))}/*.nxs --e0 '5483.4 eV'"


def test_a_folder_that_holds_something_is_not_written_to(call: Call, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine").touch()
    result = call("demo", "-o", "demo")
    assert result.exit_code == 73
    assert "is not empty" in message(result)


def test_each_step_is_told_and_a_failure_ends_the_demo(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (
        _walkthrough.Step("say the version", (("--version",),)),
        _walkthrough.Step("look at nothing", (("info", "nothing.nxs"),)),
        _walkthrough.Step("never", (("--version",),)),
    )
    monkeypatch.setattr(_walkthrough, "steps", lambda *_: steps)
    result = call("demo", "-o", "demo")
    assert result.exit_code == PicpxctError.exit_code
    assert "demo: 3 steps into demo/" in result.stderr
    assert "demo: 2 of 3, 0 min" in result.stderr
    assert "look at nothing" in result.stderr
    assert "picpxct info ended with exit code 66" in message(result)
    assert "never" not in result.stderr
