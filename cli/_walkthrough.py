"""The demo: real commands in the order of a beam time, on a simulated experiment, each told and printed before it runs.

Words that end in /*.nxs stand for the files there, as in a shell; `steps` is what is run, and can be looked at.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from picpxct_nx.errors import OutputError, PicpxctError

from ._talk import say

# A particle before the edge, at the pre-edge peak for both polarisations, and beyond the edge.
_SHOWN = ("scan_E054600_R000", "scan_E054710_R000", "scan_E054710_R090", "scan_E055150_R000")
_ALL = "/*.nxs"
Words = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One step: what it does, in words, and its commands, joined to a pipe where there are several."""

    says: str
    commands: tuple[Words, ...]


def steps(folder: str, again: Words = ()) -> tuple[Step, ...]:
    """The steps of the demo in a folder; `again` is --overwrite, or nothing."""
    scans, recs, one = f"{folder}/scans{_ALL}", f"{folder}/recs{_ALL}", f"{folder}/scans/{_SHOWN[0]}.nxs"
    halves = [(f"{folder}/half_{name}.nxs", frames) for name, frames in (("a", "0::2"), ("b", "1::2"))]
    curves = [(image, f"{folder}/frc_{image}") for image in ("phase", "absorption")]
    spectra, grains = f"{folder}/spectra.nxs", f"{folder}/grains"
    made = [f"{curve}.nxs" for _, curve in curves]
    return (
        Step(
            "simulate an experiment: a V2O5 particle, 10 energies, 2 polarisations",
            (("simulate", "--preset", "tutorial", "-o", f"{folder}/scans/", *again),),
        ),
        Step("check every file against its definition", (("validate", "-q", scans),)),
        Step(
            "reconstruct object and probe of 20 scans, which takes most of the time",
            (("reconstruct", scans, "-o", f"{folder}/recs/", *again),),
        ),
        *(
            Step(f"reconstruct {frames} of the frames alone, for the resolution",
                 (("reconstruct", one, "--frames", frames, "-o", half, *again),))
            for half, frames in halves
        ),
        *(
            Step(f"the resolution of the {image}, from both halves",
                 (("frc", *(half for half, _ in halves), "--threshold", "half-bit", "--image", image, "--plot",
                   f"{curve}.png", "-o", f"{curve}.nxs", *again),))
            for image, curve in curves
        ),
        Step("from images to spectra: zero in air, one grid, aligned, polarisations registered, normalised",
             (("flatten", recs), ("stack",), ("align",), ("register",),
              ("normalize", "--e0", "5483.4 eV", "-o", spectra, *again))),
        Step("grains and the directions of their axes",
             (("grainmap", spectra, "--table", f"{grains}.csv", "--plot", f"{grains}.png", "-o", f"{grains}.nxs",
               *again),)),
        Step("how far that is from the truth, which only a simulation knows", (("score", scans, f"{grains}.nxs"),)),
        Step("what the grain map holds", (("info", f"{grains}.nxs"),)),
        Step("one page to decide by",
             (("report", scans, recs, *made, spectra, f"{grains}.nxs", "-o", f"{folder}/report.html", *again),)),
    )  # fmt: skip


def run(folder: Path, *, overwrite: bool, quiet: bool) -> None:
    """Run every step, leaving scans, reconstructions, ring correlations, grains, pictures and a report in the folder.

    Raises
    ------
    OutputError
        The folder holds something already and may not be written to.
    PicpxctError
        A command failed; its own message is on stderr.
    """
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise OutputError(f"{folder}: is not empty; choose another folder with -o, or add --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    every, began = steps(str(folder), ("--overwrite",) if overwrite else ()), time.monotonic()
    say(f"demo: {len(every)} steps into {folder}/, about two minutes on one processor core that is free", quiet=quiet)
    for number, step in enumerate(every, 1):
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        say(f"demo: {number} of {len(every)}, {minutes} min {seconds} s: {step.says}", quiet=quiet)
        say(f"$ {' | '.join(shown(words) for words in step.commands)}", quiet=quiet)
        _pipe([expanded(words) for words in step.commands])
    _draw([folder / "recs" / f"{name}.nxs" for name in _SHOWN], folder / "images.png")
    for line in _LAST.format(folder=folder).splitlines():
        say(line, quiet=quiet)


# What there is to see.
_LAST = """\
done; open {folder}/report.html in a browser: move the energy, click a pixel or a grain for its spectrum;
look at {folder}/images.png: phase above, modulus below, before the edge, at the pre-edge peak for two
polarisations (grains change places between light and dark), and beyond the edge;
at {folder}/frc_absorption.png: the curve meets the threshold at the resolution; the phase, whose signal is ten
times as strong, is resolved down to the pixel (frc_phase.png);
and at {folder}/grains.png: grains by the direction of their axes, each in the colour of its pre-edge signal"""


def shown(words: Sequence[str]) -> str:
    """A command line as one would type it: files of a folder by a star."""
    typed = [shlex.quote(w.removesuffix(_ALL)) + _ALL if w.endswith(_ALL) else shlex.quote(w) for w in words]
    return f"picpxct {' '.join(typed)}"


def expanded(words: Sequence[str]) -> Words:
    """The words with the files that stars stand for, as a shell would have it."""
    found: list[str] = []
    for word in words:
        folder = Path(word.removesuffix(_ALL))
        found += sorted(map(str, folder.glob("*.nxs"))) if word.endswith(_ALL) else [word]
    return tuple(found)


def _pipe(commands: Sequence[Sequence[str]]) -> None:
    """Run commands as one pipe, as `set -o pipefail` would have it."""
    running: list[subprocess.Popen[bytes]] = []
    for words in commands:
        before = running[-1].stdout if running else None
        after = subprocess.PIPE if len(running) + 1 < len(commands) else None
        line = [sys.executable, "-m", "picpxct_nx.cli", *words]
        running.append(subprocess.Popen(line, stdin=before or subprocess.DEVNULL, stdout=after))  # noqa: S603
        if before is not None:
            before.close()  # the next command alone reads it
    codes = [process.wait() for process in running]
    for words, code in zip(commands, codes, strict=True):
        if code:
            raise PicpxctError(f"demo: picpxct {words[0]} ended with exit code {code}")


def _draw(files: list[Path], target: Path) -> None:
    from picpxct_nx.records import Reconstruction
    from picpxct_nx.report.pictures import draw_reconstructions

    from ._input import read_entries

    records = [record for record, _ in read_entries([str(file) for file in files], Reconstruction)]
    draw_reconstructions([record for record in records if isinstance(record, Reconstruction)], target)
