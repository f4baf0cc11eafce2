"""The documentation: commands have their pages, examples are understood, links lead somewhere, formulas close."""

import importlib.util
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picpxct_nx.cli import _pages
from picpxct_nx.cli.main import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Pages outside of docs; examples are indented there, for terminals.
PLAIN = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "sample_data/README.md")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in PLAIN)])
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def blocks(text: str, language: str = "bash") -> list[str]:
    """Fenced blocks of a language, those inside a list as well."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def calls(text: str) -> Iterator[list[str]]:
    """Every call of picpxct in shell text, as its words without redirections."""
    # A comment would swallow the end of its line.
    lines = re.sub(r" #[^'\"\n]*$", "", text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(lines, posix=True, punctuation_chars="|;&<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    for ends, words in itertools.groupby(lexer, key=lambda word: set(word) <= set("|;&<>\n")):
        listed = list(words)
        if not ends and listed and listed[0] == "picpxct":
            yield listed[1:]


def test_the_committed_command_pages_are_those_of_the_help() -> None:
    committed = {path.name: path.read_text("utf-8") for path in (DOCS / "commands").iterdir()}
    assert committed == _pages.pages(), "run python -m picpxct_nx.cli._pages docs/commands"


def test_every_command_has_a_page_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    missing = [c.name for c in _pages.commands() if f"commands/{c.name}.md" not in navigation]
    assert missing == [], "add them to mkdocs.yml"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert [str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md") if str(p.relative_to(DOCS)) not in navigation] == []


def test_every_option_has_a_name_and_a_meaning() -> None:
    for command in _pages.commands():
        for parameter in command.parameters:
            assert parameter.info.help, (command.name, parameter)
        rows = [line for line in _pages.page(command).splitlines() if line.startswith("| `")]
        assert len(rows) == len(command.parameters)


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_understood_by_its_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / name).read_text("utf-8")
    indented = re.findall(r"(?:^    picpxct .*\n(?:^ {4,}.*\n)*)+", text, re.MULTILINE) if name in PLAIN else []
    commands: dict[str, Any] = _runtime()
    for words in itertools.chain.from_iterable(map(calls, [*blocks(text), *indented])):
        assert words, name
        if words[0].startswith("-") or words[0].isupper():
            continue
        assert words[0] in commands, f"{name}: picpxct {words[0]} is no command"
        try:
            commands[words[0]].make_context(words[0], words[1:])
        except Exception as error:  # whatever the parser raises
            pytest.fail(f"{name}: picpxct {shlex.join(words)}: {error}")


def _runtime() -> dict[str, Any]:
    import typer

    found: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return found


def test_a_wrong_example_would_be_noticed() -> None:
    with pytest.raises(Exception, match="no-such"):
        _runtime()["frc"].make_context("frc", ["a.nxs", "--no-such", "1"])
    assert list(calls("picpxct a --x 'y | z' \\\n  b | picpxct c > d # why\n# picpxct e\npicpxct f")) == [
        ["a", "--x", "y | z", "b"], ["c"], ["f"]
    ]  # fmt: skip


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as the site makes them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_page_or_a_heading(name: str) -> None:
    page = ROOT / name
    text = re.sub(r"```.*?```|`[^`\n]*`|\\\[.*?\\\]|\\\(.*?\\\)", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name}: {target} is not there"
        assert not anchor or anchor in anchors(there), f"{name}: {target} names no heading"


@pytest.mark.parametrize("name", [name for name in NAMES if "theory" in name])
def test_a_theory_page_has_formulas_and_sources(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert re.search(r"\\\[.+?\\\]", text, re.DOTALL)
    assert re.search(r"\((19|20)\d\d\)", text), "a source with its year"
    for pair in ((r"\\\(", r"\\\)"), (r"\\\[", r"\\\]"), (r"\\left(?![a-z])", r"\\right(?![a-z])")):
        opened, closed = (len(re.findall(part, text)) for part in pair)
        assert opened == closed, (name, pair)


def test_formulas_become_mathml() -> None:
    pytest.importorskip("latex2mathml")
    spec = importlib.util.spec_from_file_location("mathml", DOCS / "mathml.py")
    assert spec is not None
    assert spec.loader is not None
    mathml = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mathml)
    made = mathml.on_page_content(r'<p><span class="arithmatex">\(a &lt; b\)</span></p>', page=None)
    assert made.startswith("<p><math")
    assert "arithmatex" not in made
    with pytest.raises(ValueError, match=r"\\arg of the formula"):
        mathml.on_page_content(r'<span class="arithmatex">\(\arg t\)</span>', page=None)
