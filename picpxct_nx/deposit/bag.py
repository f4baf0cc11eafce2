"""The bag around a deposit: BagIt 1.0 (RFC 8493) with SHA-256 manifests, and what has to be true of one."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from picpxct_nx import __version__
from picpxct_nx.deposit.metadata import Metadata

MANIFEST, TAGS, DECLARATION, INFO = "manifest-sha256.txt", "tagmanifest-sha256.txt", "bagit.txt", "bag-info.txt"
PAYLOAD = "data/"
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class Tag(NamedTuple):
    """A file of the bag outside of its payload."""

    name: str
    content: bytes


def tags(payload: Mapping[str, tuple[int, str]], metadata: Metadata, identifier: str) -> tuple[Tag, ...]:
    """The tag files of a bag.

    Parameters
    ----------
    payload : mapping
        Length and SHA-256 of every file, by its path below `data/`.
    metadata : Metadata
    identifier : str
        How the outside knows the bag.
    """
    listed = Tag(MANIFEST, manifest({f"{PAYLOAD}{name}": digest for name, (_, digest) in payload.items()}))
    info = Tag(INFO, _info(payload, metadata, identifier))
    first = (Tag(DECLARATION, _DECLARATION), info, listed)
    return (*first, Tag(TAGS, manifest({tag.name: hashlib.sha256(tag.content).hexdigest() for tag in first})))


def manifest(digests: Mapping[str, str]) -> bytes:
    """A manifest: digest, two blanks, name, a line each, in the order of the names.

    There is one spelling only, so that a manifest can be compared byte by byte.
    """
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def parse(content: bytes) -> dict[str, str] | None:
    """Digests by name of a manifest in that one spelling, or None."""
    try:
        rows = [line.split("  ", 1) for line in content.decode("utf-8").splitlines()]
    except UnicodeDecodeError:
        return None
    if any(len(row) != 2 for row in rows):
        return None
    found = {name: digest for digest, name in rows}
    return found if manifest(found) == content else None


def oxum(payload: Mapping[str, tuple[int, str]]) -> str:
    """Bytes and number of the files of a payload, as bag-info.txt states them."""
    return f"{sum(size for size, _ in payload.values())}.{len(payload)}"


def _info(payload: Mapping[str, tuple[int, str]], metadata: Metadata, identifier: str) -> bytes:
    first = metadata.creators[0]
    rows = {
        "Source-Organization": first.affiliations[0].name,
        "Contact-Name": first.name,
        "External-Description": metadata.title,
        "External-Identifier": metadata.doi.url if metadata.doi else identifier,
        "Bagging-Date": metadata.date,
        "Bag-Software-Agent": f"picpxct_nx {__version__}",
        "Payload-Oxum": oxum(payload),
    }
    # A line break would begin another row.
    return "".join(f"{name}: {' '.join(text.split())}\n" for name, text in rows.items()).encode()
