"""The manifest of an experiment: which scans there are, which of them one job reconstructs, what commands are told.

Scans of one polarisation are cut into blocks of neighbours in energy. Within a block each scan starts from its
neighbour (`reconstruct --start warm`), so that a block is one job and a chain; blocks know nothing of each other, so
that they run side by side, and a bad scan costs none but itself. One chain for a whole polarisation would leave two
jobs for two polarisations, however many processors there are. The first scan of a block starts cold; `block` weighs
the one against the other.
"""

import itertools
import math
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picpxct_nx import manifest
from picpxct_nx.errors import ConfigError, MissingInputError

COMMANDS = (
    "simulate", "import", "reconstruct", "flatten", "stack", "align", "register", "normalize", "grainmap", "validate"
)  # fmt: skip
# What the table [experiment] may say, with its type.
GENERAL: dict[str, type] = {
    "scans": str, "table": str, "block": int, "gpus": int, "threads": int, "tries": int, "wait": int, "picpxct": str
}  # fmt: skip
# Options that the workflow sets itself.
OURS = {"output", "overwrite", "keep-going", "json", "quiet", "progress", "checkpoint", "table", "plot"}


@dataclass(frozen=True)
class Place:
    """One scan: the name of its entry, its energy in eV and the rotation of the sample in rad."""

    scan: str
    energy_ev: float
    rotation: float


@dataclass(frozen=True)
class Block:
    """Scans of one polarisation, in order of energy, that one job reconstructs."""

    name: str
    scans: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """What a manifest says.

    Parameters
    ----------
    folder : str
        Of the raw scans, one file an entry.
    places : tuple of Place
        Every scan.
    blocks : tuple of Block
        What one job reconstructs.
    options : dict
        Words of the command line by command.
    source : str
        Pattern of the foreign files that `import` reads; empty where there are none.
    simulated : bool
        Whether the scans are made by `simulate`.
    general : dict
        The rest of [experiment], defaults filled in.
    """

    folder: str
    places: tuple[Place, ...]
    blocks: tuple[Block, ...]
    options: dict[str, list[str]]
    source: str
    simulated: bool
    general: dict[str, Any]


def read(path: Path) -> Experiment:
    """The experiment of a manifest.

    Raises
    ------
    MissingInputError
        The manifest, or the table it names, cannot be read.
    ConfigError
        It is no TOML, or says what is not understood.
    """
    try:
        said = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML ({error})") from None
    _refuse_unknown(path, said)
    general = {"scans": "scans", "block": 10, "gpus": 0, "threads": 1, "tries": 3, "wait": 30, "picpxct": "picpxct"}
    general |= said.get("experiment", {})
    source = str(said.get("import", {}).pop("files", ""))
    if "import" in said and "{scan}" not in source:
        raise ConfigError(f"{path}: [import] files = '{source}'; wanted a pattern such as 'raw/{{scan}}.h5'")
    places = _simulated(said["simulate"]) if "simulate" in said else _listed(path, general)
    return Experiment(
        folder=str(general["scans"]),
        places=places,
        blocks=blocks(places, int(general["block"])),
        options={name: words(said.get(name, {})) for name in COMMANDS},
        source=source,
        simulated="simulate" in said,
        general=general,
    )


def blocks(places: tuple[Place, ...], size: int) -> tuple[Block, ...]:
    """Blocks of at most `size` neighbours in energy of one rotation, as even as can be.

    Scans of one rotation are one polarisation in a beam whose polarisation stays; where it does not, `reconstruct`
    looks at the scans themselves and starts each chain cold.
    """
    made: list[Block] = []
    for rotation in sorted({place.rotation for place in places}):
        chain = sorted((p for p in places if p.rotation == rotation), key=lambda p: (p.energy_ev, p.scan))
        count = math.ceil(len(chain) / size)
        cuts = [round(n * len(chain) / count) for n in range(count + 1)]
        for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
            name = f"R{round(math.degrees(rotation)):03d}_{number:02d}"
            made.append(Block(name, tuple(place.scan for place in chain[start:stop])))
    names = [block.name for block in made]
    if len(set(names)) < len(names):
        raise ConfigError("two rotations are the same to a degree; write them alike in the table of scans")
    return tuple(made)


def words(table: dict[str, Any]) -> list[str]:
    """Words of a command line: `e0 = "5483.4 eV"` is --e0 "5483.4 eV", a list repeats the option, true is a flag."""
    made: list[str] = []
    for name, value in table.items():
        option = f"--{name.replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            if item is True:
                made.append(option)
            elif item is not False:
                made += [option, str(item)]
    return made


def shell(parts: list[str]) -> str:
    """Words as one line for the shell."""
    return shlex.join(parts)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MissingInputError(f"{path}: cannot be read ({error}); check the name of the manifest") from None


def _refuse_unknown(path: Path, said: dict[str, Any]) -> None:
    for name, table in said.items():
        if name not in (*COMMANDS, "experiment") or not isinstance(table, dict):
            wanted = ", ".join(("experiment", *COMMANDS))
            raise ConfigError(f"{path}: [{name}] is not known; wanted tables {wanted}")
        for option, value in table.items():
            where = f"{path}: [{name}] {option} = {value!r}"
            if name == "experiment" and option not in GENERAL:
                raise ConfigError(f"{where}: is not known; wanted one of {', '.join(GENERAL)}")
            if name == "experiment" and type(value) is not GENERAL[option]:
                raise ConfigError(f"{where}: wanted {GENERAL[option].__name__}")
            if name == "experiment" and isinstance(value, int) and value < (option not in ("gpus", "wait")):
                raise ConfigError(f"{where}: wanted a larger number")
            if name != "experiment" and option.replace("_", "-") in OURS:
                raise ConfigError(f"{where}: is set by the workflow; leave it out")
    if "simulate" in said and "import" in said:
        raise ConfigError(f"{path}: has [simulate] and [import]; raw scans come from one of them: leave the other out")


def _simulated(table: dict[str, Any]) -> tuple[Place, ...]:
    """What `simulate` will make."""
    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.record import entry_name, planned

    settings = table.get("set", [])
    experiment = configure(
        table.get("preset", "tutorial"),
        settings if isinstance(settings, list) else [settings],
        energies=table.get("energies"),
        rotations=table.get("rotations"),
    )
    return tuple(Place(entry_name(*scan), *scan) for scan in planned(experiment))


def _listed(path: Path, general: dict[str, Any]) -> tuple[Place, ...]:
    if "table" not in general:
        raise ConfigError(f"{path}: names no scans; wanted [experiment] table = 'scans.csv', or [simulate]")
    table = Path(general["table"])
    rows = manifest.parse(_text(table), table.name).rows
    made = []
    for row in rows:
        if row.energy_ev is None or row.rotation is None:
            raise ConfigError(f"{table}: {row.scan} has no energy or no sample_rotation; wanted both of every scan")
        made.append(Place(row.scan, row.energy_ev, row.rotation))
    return tuple(made)
