"""What reconstruct makes: of scans one by one, of scans as they land, or of scans that are one problem."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, OutputError, PicpxctError, UsageError

from ._ahead import in_memory, read_ahead
from ._input import naming_damage, read_entries
from ._output import Delivery, each, is_done, is_repeated, tried
from ._run import asked, patience

if TYPE_CHECKING:
    from picpxct_nx.choice import Choice, Share
    from picpxct_nx.crew import Hands
    from picpxct_nx.records import Reconstruction, Record, Scan
    from picpxct_nx.sharing import Group

    from ._watch import Live

Make = Callable[["Group"], tuple["Reconstruction", ...]]


@contextmanager
def products(
    inputs: Sequence[str] | None, choice: "Choice", live: "Live | None", hands: "Hands", delivery: Delivery
) -> "Iterator[Iterable[Record]]":
    """Reconstructions of the scans that are named, that land in a watched folder, or that share something."""
    from picpxct_nx.records import Scan

    patient = patience(wanted=delivery.lasting)
    if choice.share is not None:
        yield together(inputs, choice.share, patient(hands.make_all), hands, delivery)
    elif live is not None:
        yield live.kept(each(live.scans(), patient(hands.make), delivery))
    else:
        with closing(read_ahead(inputs, Scan, delivery=delivery, hands=hands)) as scans:
            yield each(scans, patient(hands.make), delivery, hands.recall)


def together(
    inputs: Sequence[str] | None, share: "Share", make: Make, hands: "Hands", delivery: Delivery
) -> "Iterator[Record]":
    """Products of scans that share object or probe, group by group, until a signal asks to end.

    With --keep-going a scan that cannot share, or a group that fails, is named and the rest goes on. With a folder as
    output, a group whose products are there already is not made a second time.

    Raises
    ------
    InputError
        Scans cannot share, or cannot be read.
    OutputError
        A product that is there was made from other scans.
    """
    from picpxct_nx.sharing import groups

    names: dict[str, str] = {}

    def failed(scan: "Scan", error: InputError) -> None:
        error.args = (f"{names[scan.entry]}: {error}",)
        if not delivery.keep_going:
            raise error
        delivery.fail(scan.entry, error)

    waiting: deque[tuple[Group, set[str]]] = deque()
    for group in groups(_scans(inputs, hands, delivery, names), share, failed):
        done = _done(group, delivery)
        if len(done) < len(group.scans):
            hands.begin(group)
            waiting.append((group, done))
        if len(waiting) == hands.count:
            yield from _made(*waiting.popleft(), make, delivery)
        if asked():
            return
    while waiting and not asked():
        yield from _made(*waiting.popleft(), make, delivery)


def _scans(inputs: Sequence[str] | None, hands: "Hands", delivery: Delivery, names: dict[str, str]) -> "Iterator[Scan]":
    """Scans in memory, in the order of the hands; what standard input brings is held until all of it is here."""
    read = _read(inputs, hands, delivery, names)
    streamed = not inputs or any(text == "-" or text.startswith("-::") for text in inputs)
    assert hands.order is not None  # noqa: S101  # scans that share something have one
    return iter(sorted(read, key=hands.order)) if streamed else read


def _read(inputs: Sequence[str] | None, hands: "Hands", delivery: Delivery, names: dict[str, str]) -> "Iterator[Scan]":
    from picpxct_nx.records import Scan

    failed = delivery.fail if delivery.keep_going else None
    entries = read_entries(inputs, Scan, failed=failed, note=delivery.note, by=hands.order)

    def held(record: "Record", name: str) -> "Record | None":
        if is_repeated(record, name, delivery):
            return None
        names[record.entry] = name
        with naming_damage(f"{name}: {record.entry}"):
            return in_memory((record, name))[0]

    with closing(entries):
        for scan in tried(entries, held, delivery):
            assert isinstance(scan, Scan)  # noqa: S101  # asked for
            yield scan


def _done(group: "Group", delivery: Delivery) -> set[str]:
    """Entries of a group whose products are in the output folder; they must be made of the same scans."""
    done = {entry for entry in group.entries if is_done(entry, delivery)}
    if len(done) == len(group.scans):
        return done
    from picpxct_nx import nexus
    from picpxct_nx.sharing import made_of

    for entry in sorted(done):
        target = Path(str(delivery.output)) / f"{entry}.nxs"
        with nexus.open_valid(target, str(target)) as file:
            if entry not in nexus.entries(file) or not made_of(nexus.read(file, entry), group):
                raise OutputError(
                    f"{target}: was not made together with {', '.join(group.entries)}; add --overwrite to make all, "
                    "or choose another folder"
                )
    return done


def _made(group: "Group", done: set[str], make: Make, delivery: Delivery) -> "Iterator[Record]":
    try:
        products = make(group)
    except (UsageError, OutputError):
        raise
    except PicpxctError as error:
        if not str(error).startswith(group.name):
            error.args = (f"{group.name}: {error}",)
        if not delivery.keep_going:
            raise
        for entry in group.entries:
            delivery.fail(entry, error)
    else:
        yield from (product for product in products if product.entry not in done)
