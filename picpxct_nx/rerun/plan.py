"""The runs that make a product again: recorded steps in an order in which they can be run, alike ones together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.rerun.words import device_of, main_of, words

# Commands that map over entries: alike runs of them become one.
_MAPPING = frozenset({"reconstruct", "flatten", "align", "register", "normalize", "grainmap"})
# Commands that make raw entries: a chain begins at what they made, which is given, or made again by itself.
ORIGINS = frozenset({"import", "simulate", "amend"})
_REPEATED = frozenset({"import", "simulate"})


@dataclass(frozen=True)
class Place:
    """Where an entry lies: the file, and its name in it."""

    file: str
    entry: str

    @property
    def text(self) -> str:
        """As a command takes it."""
        return f"{self.file}::{self.entry}" if self.entry else self.file


@dataclass(frozen=True)
class Run:
    """One command: its options, what it works on, and what it makes, in the same order.

    `others` are further files that it reads; `start` is what follows `--start` where neighbours start each other. An
    output is empty where nobody asks for it: what scans of one problem give comes all at once.
    """

    command: str
    step: Step
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    others: tuple[Input, ...] = ()
    start: str | None = None

    @property
    def device(self) -> str | None:
        """The device that a reconstruction asks for."""
        return device_of(self.step)

    def line(self, places: Mapping[str, Place], files: Mapping[str, str], device: str | None = None) -> tuple[str, ...]:
        """The words of the command without an output.

        Parameters
        ----------
        places : mapping
            Where entries lie, by UUID.
        files : mapping
            Where foreign files lie, by SHA-256.
        device : str, optional
            Device of a reconstruction, instead of the recorded one.

        Raises
        ------
        InputError
            A file that was read is not there.
        """
        others = [_other(one, places, files, self.command) for one in self.others]
        made = [self.command, *(places[uuid].text for uuid in self.inputs), *words(self.step, others)]
        if self.start is not None:
            made += ["--start", self.start]
        wanted = device or self.device
        return (*made, "--device", wanted) if self.command == "reconstruct" and wanted else tuple(made)


def _other(source: Input, places: Mapping[str, Place], files: Mapping[str, str], command: str) -> str:
    if source.uuid is not None and source.uuid in places:
        return places[source.uuid].text
    if source.uuid is None and source.checksum in files:
        return files[source.checksum]
    named = source.file_name or source.uuid or f"sha256 {source.checksum[:12]}..."
    raise InputError(f"{command} read {named}, which is not there; put it into the folder of --inputs")


@dataclass(frozen=True)
class Chain:
    """All that has to be run for some products, and the raw entries and foreign files that it starts from.

    `origins` are the steps by which raw entries can be made again, by the UUID of the entry.
    """

    products: tuple[str, ...]
    runs: tuple[Run, ...]
    raw: Mapping[str, str]
    foreign: tuple[Input, ...] = ()
    origins: Mapping[str, Step] = field(default_factory=dict)


def chain(products: Mapping[str, Sequence[Step]]) -> Chain:
    """The chain of some products, what they share once.

    Parameters
    ----------
    products : mapping
        History of each product, as its file tells it, by the product's UUID.

    Raises
    ------
    InputError
        There is no history, it does not say what a step made, or no step makes the product.
    """
    steps: dict[str, Step] = {}
    for uuid, history in products.items():
        steps |= _steps(uuid, history)
    doing = {output: step for output, step in steps.items() if step.command not in ORIGINS}
    raw: dict[str, str] = {}
    for step in doing.values():
        for source in step.inputs:
            if source.uuid is not None and source.uuid not in doing:
                raw[source.uuid] = source.checksum
    foreign = tuple(dict.fromkeys(one for step in doing.values() for one in step.inputs if one.uuid is None))
    origins = {uuid: steps[uuid] for uuid in (*raw, *products) if uuid in steps and steps[uuid].command in _REPEATED}
    return Chain(tuple(products), tuple(_runs(doing, set(raw))), raw, foreign, origins)


def _steps(uuid: str, history: Sequence[Step]) -> dict[str, Step]:
    """Steps of one history by what they made."""
    if not history:
        raise InputError("has no history; nothing can be run again")
    if history[-1].command in ORIGINS - _REPEATED:
        raise InputError(f"is raw data of {history[-1].command}; name a product that was made from it")
    steps: dict[str, Step] = {}
    for number, step in enumerate(history, 1):
        output = uuid if number == len(history) else step.output_uuid
        if output is None:
            raise InputError(f"step {number}, {step.command}, does not say what it made; the chain is broken")
        steps[output] = step
    return steps


def _runs(steps: Mapping[str, Step], ready: set[str]) -> Iterator[Run]:
    """Waves of runs: everything whose inputs are there, alike steps in one run."""
    left = dict(steps)
    warm = _warm_groups(steps)
    for group in warm:
        for output in group:
            del left[output]
    while left or warm:
        wave: list[Run] = []
        for group in [g for g in warm if all(inputs_of(steps[o])[0] in ready for o in g)]:
            warm.remove(group)
            wave.append(_warm_run(group, steps))
        now = [o for o, step in left.items() if all(one.uuid is None or one.uuid in ready for one in step.inputs)]
        if not now and not wave:
            missing = next(one.uuid for step in left.values() for one in step.inputs if one.uuid not in ready)
            raise InputError(f"step {next(iter(left.values())).command} reads {missing}, which no step makes")
        wave += _together([(output, left.pop(output)) for output in now])
        yield from wave
        ready |= {output for run in wave for output in run.outputs if output}


def inputs_of(step: Step) -> tuple[str, ...]:
    """UUIDs of the entries that a step works on."""
    named = [one.uuid for one in step.inputs if one.uuid is not None]
    return tuple(named[: main_of(step)])


def others_of(step: Step) -> tuple[Input, ...]:
    """What else a step reads: entries that it does not work on, and foreign files."""
    named = [one for one in step.inputs if one.uuid is not None]
    count = main_of(step)
    rest = named[count:] if count is not None else []
    return (*rest, *(one for one in step.inputs if one.uuid is None))


def _together(steps: Sequence[tuple[str, Step]]) -> Iterator[Run]:
    alike: dict[object, list[tuple[str, Step]]] = {}
    for output, step in steps:
        options = words(step, [one.checksum for one in others_of(step)])
        key: object = output
        if "scans.share" in step.parameters:
            key = (step.command, options, device_of(step), frozenset(inputs_of(step)))
        elif step.command in _MAPPING:
            key = (step.command, options, device_of(step))
        alike.setdefault(key, []).append((output, step))
    for members in alike.values():
        first = members[0][1]
        if "scans.share" in first.parameters:
            yield _joint_run(members)
            continue
        inputs = tuple(uuid for _, step in members for uuid in inputs_of(step))
        yield Run(first.command, first, inputs, tuple(output for output, _ in members), others_of(first))


def _joint_run(members: Sequence[tuple[str, Step]]) -> Run:
    """The run of scans that were one problem; each product names its own scan first."""
    first = members[0][1]
    made = {inputs_of(step)[0]: output for output, step in members}
    inputs = tuple(sorted(inputs_of(first)))
    return Run(first.command, first, inputs, tuple(made.get(uuid, "") for uuid in inputs), others_of(first))


def _warm_groups(steps: Mapping[str, Step]) -> list[tuple[str, ...]]:
    """Reconstructions that start from each other, the cold one of each group first."""
    members: dict[str, list[str]] = {}
    for output, step in steps.items():
        if "warm_shift" in step.parameters:
            root = output
            while "warm_shift" in steps[root].parameters:
                others = [one.uuid for one in others_of(steps[root]) if one.uuid in steps]
                if not others or others[0] is None:
                    raise InputError("a reconstruction started from a neighbour that its history does not name")
                root = others[0]
            members.setdefault(root, [root]).append(output)
    return [tuple(group) for group in members.values()]


def _warm_run(group: tuple[str, ...], steps: Mapping[str, Step]) -> Run:
    cold = steps[group[0]]
    recipe = steps[group[1]].parameters["recipe"]
    inputs = tuple(inputs_of(steps[output])[0] for output in group)
    return Run("reconstruct", cold, inputs, group, others_of(cold), f"warm={recipe}")
