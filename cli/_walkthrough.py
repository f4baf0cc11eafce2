"""The demo: real commands in a real shell order, on a simulated experiment, each printed before it runs."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from picpxct_nx.errors import OutputError, PicpxctError

from ._talk import say

# A particle before the edge, at the pre-edge peak for both polarisations, and beyond the edge.
_SHOWN = ("scan_E054600_R000", "scan_E054710_R000", "scan_E054710_R090", "scan_E055150_R000")


def run(folder: Path, *, overwrite: bool, quiet: bool) -> None:
    """Run every stage, leaving scans, reconstructions, a ring correlation, grains and pictures in the folder.

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
    again = ["--overwrite"] if overwrite else []
    scans, recs, one = folder / "scans", folder / "recs", folder / "scans" / f"{_SHOWN[0]}.nxs"

    def shell(*words: str | Path) -> None:
        _run([str(word) for word in words], quiet=quiet)

    shell("simulate", "--preset", "tutorial", "-o", f"{scans}/", *again)
    shell("validate", *sorted(scans.glob("*.nxs")))
    shell("reconstruct", *sorted(scans.glob("*.nxs")), "-o", f"{recs}/", *again)
    shell("validate", *sorted(recs.glob("*.nxs")))
    for name, frames in (("half_a", "0::2"), ("half_b", "1::2")):
        shell("reconstruct", one, "--frames", frames, "-o", folder / f"{name}.nxs", *again)
    halves = (folder / "half_a.nxs", folder / "half_b.nxs")
    for image in ("phase", "absorption"):
        curve = folder / f"frc_{image}"
        files = ("--plot", f"{curve}.png", "-o", f"{curve}.nxs")
        shell("frc", *halves, "--threshold", "half-bit", "--image", image, *files, *again)
    grains = folder / "grains"
    spectra = folder / "spectra.nxs"
    chain = (
        ("flatten", *sorted(map(str, recs.glob("*.nxs")))), ("stack",), ("align",), ("register",),
        ("normalize", "--e0", "5483.4 eV", "-o", str(spectra), *again),
    )  # fmt: skip
    _pipe(chain, quiet=quiet)
    shell("grainmap", spectra, "--table", f"{grains}.csv", "--plot", f"{grains}.png", "-o", f"{grains}.nxs", *again)
    shell("score", *sorted(scans.glob("*.nxs")), f"{grains}.nxs")
    shell("info", f"{grains}.nxs")
    curves = [folder / f"frc_{image}.nxs" for image in ("phase", "absorption")]
    everything = [*sorted(scans.glob("*.nxs")), *sorted(recs.glob("*.nxs")), *curves, spectra, Path(f"{grains}.nxs")]
    shell("report", *everything, "-o", folder / "report.html", *again)
    _draw([recs / f"{name}.nxs" for name in _SHOWN], folder / "images.png")
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


def _short(words: Sequence[str]) -> str:
    """A command line as one would type it; of many files, the first and the last."""
    shown = words if len(words) < 12 else [*words[:2], "...", *words[-3:]]
    return shlex.join(shown).replace("'...'", "...")


def _run(words: list[str], *, quiet: bool) -> None:
    say(f"$ picpxct {_short(words)}", quiet=quiet)
    code = subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *words], check=False).returncode  # noqa: S603
    if code:
        raise PicpxctError(f"demo: picpxct {words[0]} ended with exit code {code}")


def _pipe(commands: Sequence[Sequence[str]], *, quiet: bool) -> None:
    """Run commands as one pipe, as `set -o pipefail` would have it."""
    say(f"$ {' | '.join(f'picpxct {_short(words)}' for words in commands)}", quiet=quiet)
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
