"""The demo: real commands in a real shell order, on a simulated experiment, each printed before it runs."""

import shlex
import subprocess
import sys
from pathlib import Path

from picpxct_nx.errors import OutputError, PicpxctError

from ._talk import say

# A particle before the edge, at the pre-edge peak for both polarisations, and beyond the edge.
_SHOWN = ("scan_E054600_R000", "scan_E054710_R000", "scan_E054710_R090", "scan_E055150_R000")


def run(folder: Path, *, overwrite: bool, quiet: bool) -> None:
    """Run every stage, leaving scans, reconstructions, a ring correlation and pictures in the folder.

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

    shell("simulate", "--preset", "tutorial", "--seed", "1", "-o", f"{scans}/", *again)
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
    shell("info", folder / "frc_absorption.nxs")
    _draw([recs / f"{name}.nxs" for name in _SHOWN], folder / "images.png")
    say(f"done; look at {folder}/images.png: phase above, modulus below, before the edge, at the pre-edge", quiet=quiet)
    say("peak for two polarisations (grains change places between light and dark), and beyond the edge;", quiet=quiet)
    say(
        f"and at {folder}/frc_absorption.png: the curve meets the threshold at the resolution; the phase, whose",
        quiet=quiet,
    )
    say("signal is ten times as strong, is resolved down to the pixel (frc_phase.png)", quiet=quiet)


def _run(words: list[str], *, quiet: bool) -> None:
    short = words if len(words) < 12 else [*words[:2], "...", *words[-3:]]
    say(f"$ picpxct {shlex.join(short)}".replace("'...'", "..."), quiet=quiet)
    code = subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *words], check=False).returncode  # noqa: S603
    if code:
        raise PicpxctError(f"demo: picpxct {words[0]} ended with exit code {code}")


def _draw(files: list[Path], target: Path) -> None:
    from picpxct_nx.records import Reconstruction
    from picpxct_nx.report.pictures import draw_reconstructions

    from ._input import read_entries

    records = [record for record, _ in read_entries([str(file) for file in files], Reconstruction)]
    draw_reconstructions([record for record in records if isinstance(record, Reconstruction)], target)
