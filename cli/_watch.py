"""Scans as they land in a folder, and the page that shows how far one is."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import PicpxctError, UsageError

from ._input import read_entries
from ._output import Delivery
from ._run import asked, patience
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record

PAGE = "report.html"


class Live:
    """A folder that is watched: its scans, their products, and the page about them in the folder of the products."""

    def __init__(
        self, folder: Path, inputs: Sequence[str] | None, delivery: Delivery, share: str | None = None
    ) -> None:
        if share is not None:
            raise UsageError(
                f"--watch takes scans as they land, scans.share={share} all at once; leave one of them out"
            )
        if inputs:
            raise UsageError("--watch takes scans from its folder; leave INPUT out")
        if delivery.folder is None:
            raise UsageError("--watch wants a folder for the results and the page: add -o DIR/")
        if delivery.folder.resolve() == folder.resolve():
            raise UsageError(f"--watch {folder}: results would land in the watched folder; give -o another one")
        from picpxct_nx.report.gather import Gathered

        self.folder, self.delivery, self.page = folder, delivery, delivery.folder / PAGE
        self.gathered = Gathered()
        self.changed, self.told = True, 0

    def scans(self) -> "Iterator[tuple[Record, str]]":
        """Raw scans, each while its file is open; ends when a signal asks."""
        from picpxct_nx.records import Reconstruction, Scan
        from picpxct_nx.watching import Watch, arrivals

        done = sorted(map(str, self.page.parent.glob("*.nxs")))
        for record, name in read_entries(done, Reconstruction, failed=lambda *_: None) if done else ():
            self.take(record, name)
        say(f"watching {self.folder}; the page is {self.page}; Ctrl-C ends", quiet=self.delivery.quiet)
        with patience():
            try:
                for path in arrivals(self.folder, Watch(_ready, asked, self.write, self.left)):
                    for record, name in read_entries([str(path)], Scan, failed=self.fail, note=self.delivery.note):
                        self.take(record, name)
                        self.write()
                        yield record, name
            finally:
                self.changed = True
                self.write(live=False)

    def kept(self, products: "Iterable[Record]") -> "Iterator[Record]":
        """The products, each put on the page once it is written."""
        for product in products:
            yield product
            self.take(product, str(self.page.parent / f"{product.entry}.nxs"))
            self.write()

    def take(self, record: "Record", name: str) -> None:
        """Put a record on the page; one that does not fit to the others must not stop the scans."""
        try:
            self.gathered.add(record, name)
        except PicpxctError as error:
            say(f"{self.page}: without {record.entry} ({error})")
        self.changed = True

    def left(self, more: int) -> None:
        """Take note of how many whole scans wait."""
        self.gathered.pending = more

    def fail(self, name: str, error: PicpxctError) -> None:
        """Take note of a file that cannot be read."""
        self.delivery.fail(name, error)
        self.gathered.fail(name, str(error))

    def write(self, *, live: bool = True) -> None:
        """Write the page where something is new; a page that cannot be written must not stop the scans."""
        from picpxct_nx.report.page import page
        from picpxct_nx.report.write import write_page

        for name in self.delivery.failed[self.told :]:
            self.gathered.failures.setdefault(name, "failed; the log says why")
        if not self.changed and self.told == len(self.delivery.failed):
            return
        self.changed, self.told = False, len(self.delivery.failed)
        try:
            self.page.parent.mkdir(parents=True, exist_ok=True)
            write_page(self.page, page(self.gathered, live=live), overwrite=True)
        except Exception as error:
            # Whatever it is: scans go on through the night, and what is reconstructed is on the disk.
            say(f"{self.page}: not written ({type(error).__name__}: {error})")


def _ready(path: Path) -> bool:
    """Whether a file is whole: it opens, nobody has it open for writing, and it keeps its definition."""
    from picpxct_nx import nexus

    try:
        with nexus.open_valid(path, str(path)):
            return True
    except PicpxctError:
        return False
