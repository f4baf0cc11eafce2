"""What our validator and others catch of one-fault variants of valid files, their false alarms, crashes and time.

Run: `OMP_NUM_THREADS=1 python benchmarks/validators.py [--misses] [--only NAME]`. pynxtools takes part where it is
installed. A fault is caught where its file brings a new error or warning against the valid file it was made from.
"""

import argparse
import contextlib
import importlib.util
import logging
import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from validators_bases import BASES, write_base
from validators_faults import LEGAL, Variant, variants

from picpxct_nx.nexus import entries
from picpxct_nx.validation import check_file

ROOT = Path(__file__).parents[1]
OWN = ("scan", "reconstruction", "frc")
ROUNDS = 7

Findings = Counter[tuple[str, str]]
Validator = Callable[[Path], Findings]


@dataclass(frozen=True)
class Outcome:
    """What one validator said about one file: all of it, what is new against the valid file, or how it crashed."""

    said: Findings
    new: Findings
    crash: str = ""

    @property
    def caught(self) -> bool:
        """Whether the change was noticed at all."""
        return bool(self.new)

    @property
    def error(self) -> bool:
        """Whether the change was noticed as an error."""
        return any(level == "error" for level, _ in self.new)


def ours(path: Path) -> Findings:
    """Our validator."""
    with h5py.File(path, "r") as file:
        return Counter((v.level, f"{v.path} {v.code} {v.message}") for v in check_file(file, path.name).violations)


class _Ear(logging.Handler):
    """Hears what a logger says. Headings of nexusformat are critical, and name the place of what follows."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: Findings = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        level = {logging.WARNING: "warning", logging.ERROR: "error"}.get(record.levelno)
        if level:
            self.said[level, record.getMessage().strip()] += 1


def _listen(logger: logging.Logger, call: Callable[[], object]) -> Findings:
    ear, others = _Ear(), logger.handlers[:]
    logger.handlers[:], logger.propagate = [ear], False
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            call()
    finally:
        logger.handlers[:] = others
    return ear.said


def _definition(path: Path) -> str:
    with h5py.File(path, "r") as file:
        return str(file[entries(file)[0]]["definition"].asstr()[()])


def _schema(path: Path) -> str | None:
    try:
        own = ROOT / "schemas" / f"{_definition(path)}.nxdl.xml"
    except (KeyError, IndexError, TypeError):
        return None
    return str(own) if own.exists() else None


def nexusformat_application(path: Path) -> Findings:
    """Verdict of nexusformat against the application definition."""
    from nexusformat.nexus import validate

    validate.logger.setLevel(logging.WARNING)
    return _listen(validate.logger, lambda: validate.validate_application(str(path), application=_schema(path)))


def nexusformat_base(path: Path) -> Findings:
    """Verdict of nexusformat against the base classes."""
    from nexusformat.nexus import validate

    validate.logger.setLevel(logging.WARNING)
    return _listen(validate.logger, lambda: validate.validate_file(str(path)))


def pynxtools(path: Path) -> Findings:
    """Verdict of pynxtools, which only ever warns: everything it says makes the file invalid."""
    from pynxtools.dataconverter.validate_file import validate

    said = _listen(logging.getLogger("pynxtools"), lambda: validate(str(path)))
    return Counter({("error", text): n for (_, text), n in said.items() if not text.startswith("Invalid: The entry")})


def _peers(folder: Path) -> dict[str, Validator]:
    import nexusformat.nexus.validate as validate

    # NumPy lost `np.complex`: without this, nexusformat 2.1 ends at every complex field.
    validate.is_valid_complex = lambda dtype: np.issubdtype(dtype, np.complexfloating)
    found: dict[str, Validator] = {"ours": ours, "nxf-app": nexusformat_application, "nxf-base": nexusformat_base}
    spec = importlib.util.find_spec("pynxtools")
    if spec and spec.submodule_search_locations:
        tree = folder / "definitions"
        shutil.copytree(Path(next(iter(spec.submodule_search_locations))) / "definitions", tree)
        shipped = Path(str(validate.__file__)).parents[1] / "definitions" / "applications"
        for schema in [*(ROOT / "schemas").glob("*.nxdl.xml"), *shipped.glob("*.nxdl.xml")]:
            # Where its copy of the standard differs (NXxas), it is held to the same definition as the others.
            (tree / "contributed_definitions" / schema.name).unlink(missing_ok=True)
            if not (tree / "applications" / schema.name).exists():
                shutil.copy(schema, tree / "applications")
        os.environ["NEXUS_DEF_PATH"] = str(tree)
        found["pynxtools"] = pynxtools
    return found


def _say(validator: Validator, path: Path, base: Findings) -> Outcome:
    try:
        said = validator(path)
    except Exception as error:  # a crash of a validator is a result here
        return Outcome(Counter(), Counter(), f"{type(error).__name__}: {str(error)[:80]}")
    return Outcome(said, said - base)


def _changed(folder: Path, number: int, variant: Variant) -> Path:
    path = folder / f"variant_{number:03}.nxs"
    shutil.copy(folder / f"{variant.base}.nxs", path)
    with h5py.File(path, "r+") as file:
        variant.change(file[entries(file)[0]])
    return path


def _seconds(call: Callable[[Path], object], path: Path) -> float:
    start = time.perf_counter()
    call(path)
    return time.perf_counter() - start


def _walk(path: Path) -> None:
    met: list[object] = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, item: met.append(dict(item.attrs)))


def _row(label: str, cells: list[str]) -> str:
    return f"{label:28}" + "".join(f"{cell:>12}" for cell in cells)


def _caught(outcomes: list[Outcome], keep: list[bool]) -> str:
    return str(sum(o.caught for o, kept in zip(outcomes, keep, strict=True) if kept))


def report_faults(results: dict[str, list[Outcome]]) -> None:
    """Print how many faults of each category were caught."""
    faults = variants()
    print(_row("faults caught", list(results)))
    for own in (False, True):
        kin = [(variant.base in OWN) is own for variant in faults]
        word = "own" if own else "standard"
        for category in dict.fromkeys(v.category for v, k in zip(faults, kin, strict=True) if k):
            keep = [v.category == category and k for v, k in zip(faults, kin, strict=True)]
            cells = [_caught(outcomes, keep) for outcomes in results.values()]
            print(_row(f"{word} {category} ({sum(keep)})", cells))
        print(_row(f"all {word} ({sum(kin)})", [_caught(outcomes, kin) for outcomes in results.values()]))
    grave = [v.grave for v in faults]
    errors = [str(sum(o.error for o, g in zip(of, grave, strict=True) if g)) for of in results.values()]
    print(_row(f"as errors ({sum(grave)} deserve it)", errors))
    print(_row("crashes", [str(sum(bool(o.crash) for o in of)) for of in results.values()]))


def report_legal(results: dict[str, list[Outcome]]) -> None:
    """Print how many legal changes were flagged."""
    print(_row(f"legal changes flagged ({len(LEGAL)})", [str(sum(o.caught for o in of)) for of in results.values()]))
    print(_row("  as errors", [str(sum(o.error for o in of)) for of in results.values()]))
    print(_row("  crashes", [str(sum(bool(o.crash) for o in of)) for of in results.values()]))


def report_times(validators: dict[str, Validator], folder: Path) -> None:
    """Print the time of each validator for each valid file, warm and in this process."""
    print("\n" + _row("time / plain h5py walk", list(validators)))
    for base in (*BASES, *OWN):
        path = folder / f"{base}.nxs"
        walked = statistics.median(_seconds(_walk, path) for _ in range(ROUNDS))
        times = [statistics.median(_seconds(call, path) for _ in range(ROUNDS)) for call in validators.values()]
        print(_row(base, [f"{seconds / walked:.1f}" for seconds in times]))


def _write_bases(folder: Path) -> None:
    for base in BASES:
        write_base(folder / f"{base}.nxs", base)
    for base in OWN:
        shutil.copy(ROOT / "sample_data" / f"{base}.nxs", folder)


def main() -> None:
    """Make the files, ask every validator, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list every miss and every false alarm of each validator")
    parser.add_argument("--only", metavar="NAME", help="ask one validator alone: ours, nxf-app, nxf-base or pynxtools")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_bases(folder)
        validators = {peer: call for peer, call in _peers(folder).items() if asked.only in (None, peer)}
        said = {
            (peer, base): _say(call, folder / f"{base}.nxs", Counter())
            for peer, call in validators.items()
            for base in (*BASES, *OWN)
        }
        tried = []
        for changes in (variants(), LEGAL):
            paths = [_changed(folder, number, change) for number, change in enumerate(changes)]
            tried.append({
                peer: [_say(call, p, said[peer, v.base].said) for p, v in zip(paths, changes, strict=True)]
                for peer, call in validators.items()
            })  # fmt: skip
        report_faults(tried[0])
        report_legal(tried[1])
        print("\n" + _row("said of valid files (errors)", list(validators)))
        for base in (*BASES, *OWN):
            print(_row(base, [_verdict(said[peer, base]) for peer in validators]))
        report_times(validators, folder)
        if asked.misses:
            for peer in validators:
                _list_misses(peer, tried[0][peer], tried[1][peer])
                _list_said(peer, said)


def _verdict(outcome: Outcome) -> str:
    errors = sum(n for (level, _), n in outcome.said.items() if level == "error")
    return outcome.crash.split(":")[0] or f"{outcome.said.total()} ({errors})"


def _list_misses(peer: str, faults: list[Outcome], legal: list[Outcome]) -> None:
    print(f"\n== {peer}")
    for variant, outcome in zip(variants(), faults, strict=True):
        missed = outcome.crash or (f"only warned {[text for _, text in outcome.new]}" if outcome.caught else "missed")
        if outcome.crash or not outcome.caught or (variant.grave and not outcome.error):
            print(f"{variant.base}, {variant.category}, {variant.name}: {missed}")
    for variant, outcome in zip(LEGAL, legal, strict=True):
        if outcome.crash or outcome.caught:
            print(f"false alarm: {variant.base}, {variant.name}: {outcome.crash or list(outcome.new)}")


def _list_said(peer: str, said: dict[tuple[str, str], Outcome]) -> None:
    for (who, base), outcome in said.items():
        for level, text in outcome.said if who == peer else ():
            print(f"said of the valid {base}: {level} {text}")


if __name__ == "__main__":
    main()
