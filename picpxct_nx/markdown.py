"""Pages of Markdown that are generated: tables, escaped text, and a folder that holds these pages and no others."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def escaped(text: str) -> str:
    """Text as Markdown shows it."""
    return "".join(f"\\{letter}" if letter in "\\|*_<`[" else letter for letter in text)


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body)]


def write(folder: Path, pages: Mapping[str, str]) -> None:
    """Write every page by its file name, and remove those that are no longer there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
