"""How to reconstruct, as the words of the command line say it: what stays the same for all scans of one run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from picpxct_nx import units
from picpxct_nx.errors import UsageError
from picpxct_nx.ptycho import Model, Stage, Stop, describe, parse
from picpxct_nx.ptycho.device import named
from picpxct_nx.ptycho.recipe import of_model
from picpxct_nx.records import Reconstruction, Record

# What can be delivered beside object and probe.
ALSO = {
    "errors": "sigma maps of modulus and phase",
    "halves": "resolution from the ring correlation of half the frames with the other half",
    "diverged": "scans that diverged, at their last finite state",
}
_WARM = "warm"

Share = Literal["object", "probe"]
SHARES: tuple[Share, ...] = get_args(Share)


@dataclass(frozen=True)
class Choice:
    """How to reconstruct.

    Parameters
    ----------
    stages : tuple of Stage
        The recipe.
    frames : str
        Range of the frames.
    device : str
        Where, and with how many threads.
    seed : int
        Seed of every random number.
    also : frozenset of str
        Words of `ALSO`.
    stop : Stop
        What ends a scan before its recipe does.
    probe : Reconstruction, optional
        Whose probe to start with.
    warm : tuple of Stage
        The recipe of a scan that starts from its neighbour; empty where none does.
    model : Model
        What is refined beside object and probe.
    devices : tuple of str
        All devices, where scans are to run on several at once; `device` is that of this process.
    share : str, optional
        What scans have in common: those of one energy (and, of an object, of one sample and polarisation) are then one
        problem. None makes every scan a problem of its own.
    drift : bool
        Whether scans that share their object are moved onto each other first; else the stages are believed.
    refocus : bool
        Whether the defocus of a scan's start probe is sought; else it is believed.
    """

    stages: tuple[Stage, ...]
    frames: str = "::"
    device: str = "cpu"
    seed: int = 0
    also: frozenset[str] = frozenset()
    stop: Stop = field(default_factory=Stop)
    probe: Reconstruction | None = None
    warm: tuple[Stage, ...] = ()
    model: Model = field(default_factory=Model)
    devices: tuple[str, ...] = ()
    share: Share | None = None
    drift: bool = True
    refocus: bool = False


def choose(  # noqa: PLR0913 - one for each option
    recipe: str,
    settings: Iterable[str] = (),
    *,
    modes: int = 0,
    refine: Iterable[str] = (),
    start: str | None = None,
    frames: str = "::",
    also: str = "errors",
    device: str = "auto",
    seed: int = 0,
) -> Choice:
    """What the command line asks for, checked before anything is read.

    Parameters
    ----------
    recipe : str
        "default", "paper", or for example "pie:3,ml:40".
    settings : iterable of str
        ENGINE.NAME=VALUE, PART.NAME=VALUE of the model, stop.plateau=PART, stop.time=QUANTITY, scans.share=WORD,
        scans.drift=WORD, start.defocus=WORD.
    modes : int
        Probe modes; 0 takes those of the start probe.
    refine : iterable of str
        What is refined beside object and probe; names, or names separated by commas.
    start : str, optional
        "warm" or "warm=RECIPE"; anything else is a file, which is not read here.
    frames : str
        Range of the frames.
    also : str
        Words of `ALSO` with commas between them, or "none".
    device : str
        "auto", "cpu", "cpu:N", "cuda" or "cuda:N", or several with commas; what "auto" means is chosen here.
    seed : int
        Seed of every random number.

    Raises
    ------
    UsageError
        The recipe, a setting, a word or the device is not understood, or scans are to share something and to start
        from each other.
    UnavailableError
        A GPU is asked for and not there.
    """
    overrides: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set '{text}': wanted PART.NAME=VALUE, for example ml.damping=0.02")
        overrides[name.strip()] = value.strip().strip("\"'")
    stop = _stop({name: overrides.pop(name) for name in list(overrides) if name.startswith("stop.")})
    share, drift = _scans({name: overrides.pop(name) for name in list(overrides) if name.startswith("scans.")}, start)
    refocus = _refocus(overrides.pop("start.defocus", "given"), share)
    parts = {name: overrides.pop(name) for name in list(overrides) if of_model(name)}
    model = describe(refine, modes=modes, overrides=parts)
    if share == "probe" and model.positions is not None and model.positions.geometry == "affine":
        raise UsageError(
            "--set positions.geometry=affine: one map of all positions makes no sense for objects that lie apart; use "
            "free, or scans.share=object"
        )
    stages = parse(recipe, overrides)
    warm: tuple[Stage, ...] = ()
    if is_warm(start):
        words = str(start).partition("=")[2] or _WARM
        known = {stage.engine for stage in parse(words)}
        warm = parse(words, {name: value for name, value in overrides.items() if name.partition(".")[0] in known})
    devices = _devices(device)
    return Choice(
        stages, frames, devices[0], seed, also=_words(also), stop=stop, warm=warm, model=model, devices=devices,
        share=share, drift=drift, refocus=refocus,
    )  # fmt: skip


def is_warm(start: str | None) -> bool:
    """Whether `--start` asks for the neighbour in energy, and not for a file; a file of that name is ./warm."""
    return start is not None and start.partition("=")[0] == _WARM


def starting_with(choice: Choice, records: Sequence[Record]) -> Choice:
    """The choice with the probe of an earlier reconstruction to start with.

    Raises
    ------
    UsageError
        There is more than one reconstruction to take it from.
    """
    if len(records) != 1 or not isinstance(records[0], Reconstruction):
        raise UsageError(f"--start: found {len(records)} reconstructions; wanted one: select it with FILE::ENTRY")
    return replace(choice, probe=records[0])


def _devices(text: str) -> tuple[str, ...]:
    """Devices of a text; a GPU may be named once, "auto" among others not at all."""
    names = tuple(named(name.strip()) for name in text.split(","))
    twice = sorted({name for name in names if name.startswith("cuda") and names.count(name) > 1})
    if twice:
        raise UsageError(f"--device '{text}': {twice[0]} is named twice; wanted every GPU once, for each gets a scan")
    return names


def _words(text: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in text.split(",")) - {"none"}
    wrong = sorted(words - set(ALSO))
    if wrong:
        raise UsageError(f"--also '{text}': unknown word '{wrong[0]}'; wanted {', '.join(ALSO)} or none")
    return words


def _scans(settings: dict[str, str], start: str | None) -> tuple[Share | None, bool]:
    """What scans share, and whether they are moved onto each other."""
    share: Share | None = None
    drift = True
    for name, value in settings.items():
        if name == "scans.share" and value in SHARES:
            share = value
        elif name == "scans.drift" and value in ("find", "none"):
            drift = value == "find"
        else:
            raise UsageError(
                f"--set {name}={value}: unknown; wanted scans.share=object or scans.share=probe, and with object "
                "scans.drift=find or scans.drift=none"
            )
    if "scans.drift" in settings and share != "object":
        raise UsageError("--set scans.drift: scans that share no object need no moving; add --set scans.share=object")
    if share is not None and is_warm(start):
        raise UsageError(
            f"--set scans.share={share}: scans of one problem begin together, and so not with --start {start}; leave "
            "one of the two out"
        )
    return share, drift


def _refocus(value: str, share: Share | None) -> bool:
    """Whether the start probe's defocus is sought."""
    if value not in ("search", "given"):
        raise UsageError(f"--set start.defocus={value}: unknown; wanted search, or given for the probe as it is")
    if value == "search" and share is not None:
        raise UsageError(
            f"--set start.defocus=search: sought for a scan by itself, not with scans.share={share}; reconstruct one "
            "scan with it first, and give that file as --start"
        )
    return value == "search"


def _stop(settings: dict[str, str]) -> Stop:
    stop = Stop()
    for name, value in settings.items():
        try:
            if name == "stop.time":
                stop = replace(stop, seconds=units.quantity(value, "s"))
            elif name == "stop.plateau":
                stop = replace(stop, plateau=float(value))
            else:
                raise UsageError(f"--set {name}={value}: unknown rule; wanted stop.plateau=PART or stop.time=QUANTITY")
        except ValueError as error:
            raise UsageError(f"--set {name}={value}: {error}") from None
        except UsageError as error:
            raise UsageError(f"--set {name}={value}: {str(error).removeprefix(f'--set {name}={value}: ')}") from None
    return stop
