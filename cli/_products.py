"""Where the files of other formats go: a file, one of many in a folder, or stdout, each whole or not at all."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import ConvergenceError, InputError, OutputError, PicpxctError, UsageError

from ._input import naming_damage, spool
from ._output import Delivery
from ._run import asked
from ._talk import say
from ._writing import is_stream, pour

if TYPE_CHECKING:
    from picpxct_nx.formats.exports import Choices, ExportFormat, Product, Sink
    from picpxct_nx.records import Record

# So much of what a format cannot carry is said on stderr.
_MOST_LETTERS = 400
# The file a product was made from, and the product.
Named = tuple[str, "Product"]


def made(
    entries: "Iterable[tuple[Record, str]]", wanted: "ExportFormat", choices: "Choices", delivery: Delivery
) -> Iterator[Named]:
    """The products of all records, each while its file is open; with --keep-going failures are named.

    Raises
    ------
    InputError
        A record cannot go to the format, or two products have the same name.
    """
    from picpxct_nx.formats import exports

    names: set[str] = set()
    for record, name in entries:
        if asked():
            return
        if delivery.taken.get(record.entry) == record.uuid:
            continue  # the same entry once more
        delivery.taken[record.entry] = record.uuid
        place = f"{name}: {record.entry}"
        try:
            with naming_damage(place):
                for product in exports.products(record, wanted, choices):
                    if product.name in names:
                        raise InputError(f"another file is named {product.name} as well; export the two apart")
                    names.add(product.name)
                    yield place, product
        except (UsageError, OutputError):
            raise
        except PicpxctError as error:
            _at(place, error)
            if not delivery.keep_going:
                raise
            delivery.fail(record.entry, error)


def deliver_products(products: Iterable[Named], wanted: "ExportFormat", delivery: Delivery) -> None:
    """Write the products where the delivery says, one by one, and say what each cannot carry.

    Raises
    ------
    UsageError
        There is more than one product for one file.
    OutputError, RetryError
        The output cannot be written, or the disk is full.
    ConvergenceError
        Nothing was written, or with --keep-going some failed; the others are written.
    """
    if delivery.folder is not None:
        count = _to_folder(products, delivery.folder, wanted, delivery)
    else:
        count = _to_one(products, wanted, delivery)
    if delivery.failed:
        others = "the others are done" if count else "nothing is written"
        raise ConvergenceError(f"{len(delivery.failed)} failed: {', '.join(delivery.failed)}; {others}")
    if not count and not asked():
        raise ConvergenceError("nothing to write: no entry was found")


def _to_folder(products: Iterable[Named], folder: Path, wanted: "ExportFormat", delivery: Delivery) -> int:
    from picpxct_nx import atomic

    ours = not folder.exists()
    with atomic.naming_disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        for place, product in products:
            target = folder / f"{product.name}{wanted.suffix}"
            count += 1
            if target.exists() and delivery.keep_going and not delivery.overwrite:
                say(f"{product.name}: {target} is there already", quiet=delivery.quiet)
                continue
            try:
                _to_file(product, target, place, delivery)
            except (InputError, ConvergenceError) as error:
                if not delivery.keep_going:
                    raise
                delivery.fail(product.name, error)
                count -= 1
                continue
            _tell(product, wanted, str(target), delivery)
    finally:
        if ours:
            with suppress(OSError):  # it stays where something is in it
                folder.rmdir()
    return count


def _to_one(products: Iterable[Named], wanted: "ExportFormat", delivery: Delivery) -> int:
    """One product to a file, to stdout or to nothing but its summary; a second one is refused, and none is left."""
    from picpxct_nx import atomic

    found = iter(products)
    first = next(found, None)
    if first is None:
        return 0
    place, product = first
    if delivery.output in (None, "-") and delivery.json:
        for _place, product in (first, *found):
            _tell(product, wanted, None, delivery)
        return 1
    if delivery.output in (None, "-") or is_stream(Path(str(delivery.output))):
        _to_stream(product, place, found, wanted, delivery)
        _tell(product, wanted, None, delivery)
        return 1
    target = Path(str(delivery.output))
    with atomic.part(target, overwrite=delivery.overwrite) as hidden:
        _write(product, hidden, place)
        _refuse_second(found, product, wanted)
    _tell(product, wanted, str(target), delivery)
    return 1


def _refuse_second(rest: Iterator[Named], first: "Product", wanted: "ExportFormat") -> None:
    second = next(rest, None)
    if second is None:
        return
    options = [option for option in ("polarisation", "energy", "region") if option in wanted.heeds]
    choose = ", ".join(["FILE::ENTRY", *(f"--{option}" for option in options)])
    raise UsageError(
        f"{first.name} and {second[1].name} are two files, and one was named; write -o DIR/ to get them all, or choose "
        f"with {choose}"
    )


def _to_file(product: "Product", target: Path, place: str, delivery: Delivery) -> None:
    from picpxct_nx import atomic

    with atomic.part(target, overwrite=delivery.overwrite) as hidden:
        _write(product, hidden, place)


def _to_stream(
    product: "Product", place: str, rest: Iterator[Named], wanted: "ExportFormat", delivery: Delivery
) -> None:
    from picpxct_nx import atomic

    name = "stdout" if delivery.output in (None, "-") else str(delivery.output)
    with spool() as copy:
        with atomic.naming_disk_errors(f"the folder for temporary files, {tempfile.gettempdir()}"):
            _write(product, copy, place)
        _refuse_second(rest, product, wanted)
        copy.seek(0)
        with atomic.naming_disk_errors(name):
            if name == "stdout":
                pour(copy, sys.stdout.buffer.fileno())
            else:
                with Path(name).open("wb") as handle:
                    pour(copy, handle.fileno())


def _write(product: "Product", sink: "Sink", place: str) -> None:
    try:
        with naming_damage(place):
            product.write(sink)
    except PicpxctError as error:
        _at(place, error)
        raise


def _at(place: str, error: PicpxctError) -> None:
    """Let an error say of which file and entry it speaks."""
    if not str(error).startswith(place):
        entry = place.rpartition(": ")[2]
        error.args = (f"{place}: {str(error).removeprefix(entry).lstrip(':/ ')}",)


def _tell(product: "Product", wanted: "ExportFormat", target: str | None, delivery: Delivery) -> None:
    """Say what was decided and what is lost, once for all files of which it is true."""
    lost = [f"{wanted.name} cannot carry {shortened(product.lost)}"] if product.lost else []
    for note in (*product.notes, *lost):
        if note not in delivery.told:
            delivery.told.add(note)
            say(f"export: {product.name}: {note}", quiet=delivery.quiet)
    if delivery.json:
        facts = {"name": product.name, "format": wanted.name, "file": target, "notes": list(product.notes)}
        print(json.dumps(facts | {"lost": list(product.lost)}), flush=True)  # noqa: T201
    elif target is not None:
        say(f"wrote {os.fspath(target)}", quiet=delivery.quiet)


def shortened(paths: Iterable[str]) -> str:
    """Paths with those of one group joined, `a/{b, c}`, as far as they fit a few lines; --json has them all."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        group, _, name = path.rpartition("/") if " " not in path else ("", "", path)
        groups.setdefault(group, []).append(name)
    parts = [
        f"{group}/{names[0]}" if group and len(names) == 1 else f"{group}/{{{', '.join(names)}}}" if group
        else ", ".join(names)
        for group, names in groups.items()
    ]  # fmt: skip
    text = ", ".join(parts)
    if len(text) <= _MOST_LETTERS:
        return text
    cut = text[:_MOST_LETTERS].rpartition(",")[0]
    return f"{cut}, and more: --json lists all {sum(map(len, groups.values()))}"
