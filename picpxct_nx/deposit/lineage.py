"""One graph of all histories of a deposit: what made what, from which inputs, and whether it closes at raw data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.survey import Held, Holding
from picpxct_nx.provenance import Input, Step
from picpxct_nx.values import digest

# Commands that make raw entries of something that is none.
ORIGINS = frozenset({"import", "simulate"})
_READ = "products were made from it; add its file, or list it with --external-inputs"


@dataclass(frozen=True)
class Action:
    """One command that was run: the UUID of what it made, and the step as the history tells it."""

    output: str
    step: Step


@dataclass(frozen=True)
class Lineage:
    """Every action by its output, every entry and auxiliary file that is held, and what lies elsewhere.

    `intermediate` are outputs that are neither held nor lived in a pipe: files that were not given.
    """

    actions: Mapping[str, Action]
    held: Mapping[str, tuple[Holding, Held]]
    auxiliary: Mapping[str, Holding]
    external: Mapping[str, str | None]
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def ordered(self) -> tuple[Action, ...]:
        """The actions, each after those that made its inputs."""
        done: dict[str, Action] = {}
        for output in sorted(self.actions):
            for action in _above(self.actions, output):
                done.setdefault(action.output, action)
        return tuple(done.values())

    @property
    def intermediate(self) -> tuple[str, ...]:
        """Outputs that were files, and are neither held nor listed as kept elsewhere."""
        elsewhere = {uuid for uuid, checksum in self.checksums.items() if {uuid, checksum} & self.external.keys()}
        known = self.held.keys() | elsewhere
        return tuple(o for o, a in self.actions.items() if o not in known and not a.step.transient)


def _above(actions: Mapping[str, Action], output: str) -> Iterator[Action]:
    """An action and all those that it stands on, deepest first."""
    order: list[Action] = []
    seen: set[str] = set()
    stack: list[tuple[str, bool]] = [(output, False)]
    while stack:
        uuid, ready = stack.pop()
        if ready:
            order.append(actions[uuid])
        elif uuid in actions and uuid not in seen:
            seen.add(uuid)
            stack.append((uuid, True))
            stack += [(one.uuid, False) for one in reversed(actions[uuid].step.inputs) if one.uuid]
    yield from order


def trace(
    holdings: Sequence[Holding], external: Mapping[str, str | None], hashes: Mapping[str, str] | None = None
) -> tuple[Lineage, tuple[Fault, ...]]:
    """The graph of what is held, and where it is broken.

    Parameters
    ----------
    holdings : sequence of Holding
        Files as surveyed; those with faults of their own are left out of the graph.
    external : mapping
        UUID or SHA-256 of inputs that lie elsewhere, and where.
    hashes : mapping, optional
        SHA-256 of the auxiliary files, by name.
    """
    faults: list[Fault] = []
    held: dict[str, tuple[Holding, Held]] = {}
    actions: dict[str, Action] = {}
    for holding in holdings:
        for one in holding.entries:
            faults += _twice(holding, one, held)
            held[one.uuid] = (holding, one)
            faults += _collect(holding, one, actions)
    sums = {hashes[h.name]: h for h in holdings if h.kind == "auxiliary" and hashes and h.name in hashes}
    checksums, contradicted = _checksums(actions)
    faults += contradicted
    lineage = Lineage(actions, held, sums, external, checksums)
    for holding in holdings:
        for one in holding.entries:
            faults += _check_entry(holding, one, lineage)
    used = {one.checksum for action in actions.values() for one in action.step.inputs}
    for checksum, holding in sums.items():
        if checksum not in used:
            text = "is no NeXus file, and no history names it as an input; leave it out"
            faults.append(Fault(holding.name, "NOT_NEXUS", text))
    return lineage, tuple(dict.fromkeys(faults))


def _checksums(actions: Mapping[str, Action]) -> tuple[dict[str, str], list[Fault]]:
    """Digest of every input by its UUID, as those who read it tell; they must agree."""
    found: dict[str, str] = {}
    faults = []
    for action in actions.values():
        for one in action.step.inputs:
            if one.uuid and found.setdefault(one.uuid, one.checksum) != one.checksum:
                text = f"two steps read it with different digests, the second one is {action.step.command}"
                faults.append(Fault(one.uuid, "CHAIN_CHECKSUM", f"{text}; it was changed between them"))
    return found, faults


def _twice(holding: Holding, one: Held, held: Mapping[str, tuple[Holding, Held]]) -> Iterator[Fault]:
    if one.uuid in held:
        other = held[one.uuid][0].name
        yield Fault(holding.name, "UUID_TWICE", f"{one.entry}: {other} holds the same entry, {one.uuid}; leave one out")


def _collect(holding: Holding, one: Held, actions: dict[str, Action]) -> Iterator[Fault]:
    """Add the steps of an entry to the actions; two accounts of one product must agree."""
    for number, step in enumerate(one.history, 1):
        output = one.uuid if number == len(one.history) else step.output_uuid
        if output is None:
            text = f"{one.entry}: step {number}, {step.command}, does not say what it made; run it again"
            yield Fault(holding.name, "CHAIN", text)
            continue
        known = actions.setdefault(output, Action(output, step))
        if _told(known.step) != _told(step):
            text = f"{one.entry}: step {number}, {step.command}, is told differently in another file of the deposit"
            yield Fault(holding.name, "CHAIN", f"{text} ({output}); one of the two histories was changed")


def _told(step: Step) -> tuple[object, ...]:
    """What two accounts of one step must agree on; a file may have been piped on as well as kept."""
    inputs = tuple((one.uuid, one.checksum) for one in step.inputs)
    return step.command, step.program, step.version, step.date, digest(step.parameters), inputs


def _check_entry(holding: Holding, one: Held, lineage: Lineage) -> Iterator[Fault]:
    if not one.raw and not one.history:
        text = f"{one.entry}: is a product without any history; nobody can say what it was made from"
        yield Fault(holding.name, "CHAIN", text)
    for action in _above(lineage.actions, one.uuid):
        for source in action.step.inputs:
            yield from _check_input(f"{one.entry}: {action.step.command}", holding, (action, source), lineage)


def _check_input(where: str, holding: Holding, pair: tuple[Action, Input], lineage: Lineage) -> Iterator[Fault]:
    action, source = pair
    # A raw entry that is held closes the chain, whatever it was amended from; all of the patch is in its history.
    raw = action.output in lineage.held and lineage.held[action.output][1].raw
    origin = raw or action.step.command in ORIGINS
    if source.uuid is None:
        # What a raw entry was imported from, or amended by, is no longer needed: the entry is the raw data.
        if not origin and source.checksum not in lineage.auxiliary and source.checksum not in lineage.external:
            named = f"{source.file_name or 'a file'} (sha256 {source.checksum[:12]}...)"
            text = f"{where} read {named}, which is not among the files; add it, or list it with --external-inputs"
            yield Fault(holding.name, "CHAIN_OPEN", text)
        return
    if source.uuid in lineage.held:
        found = lineage.held[source.uuid][1]
        if found.digest != source.checksum:
            text = f"{where} read {found.entry} with digest {source.checksum[:12]}..., which has {found.digest[:12]}..."
            yield Fault(holding.name, "CHAIN_CHECKSUM", f"{text} now: it was changed; run the step again")
        return
    if raw or source.uuid in lineage.external or source.checksum in lineage.external:
        return
    made = lineage.actions.get(source.uuid)
    if made is None:
        yield Fault(source.uuid, "CHAIN_OPEN", f"no step made it, and it is not among the files, but {_READ}")
    elif made.step.command in ORIGINS:
        text = f"the raw data of {made.step.command} that it names are not among the files, but {_READ}"
        yield Fault(source.uuid, "CHAIN_OPEN", text)


def notes(lineage: Lineage) -> tuple[str, ...]:
    """What a depositor may want to know of the graph."""
    told = []
    piped = sum(a.step.transient for o, a in lineage.actions.items() if o not in lineage.held)
    if piped:
        told.append(f"{piped} products only lived in a pipe; they are described, not kept")
    if lineage.intermediate:
        commands = sorted({lineage.actions[o].step.command for o in lineage.intermediate})
        count = len(lineage.intermediate)
        told.append(
            f"{count} products of {', '.join(commands)} were files and are not among the inputs; described only"
        )
    return tuple(told)
