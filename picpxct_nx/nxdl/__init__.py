"""NXDL: reads a definition into a frozen tree of nodes that reader, writer, validator and documentation interpret.

Our own application definitions come from the package's `schemas`; base classes and standard application definitions
come from the copy that nexusformat ships; any other one is read from a file.
"""

from picpxct_nx.nxdl.library import base_class, definition, find, folder, is_a, names, shipped, table, unit_text
from picpxct_nx.nxdl.nodes import FREE_CLASSES, Definition, Item, Kind, Node, Presence, walk

__all__ = [
    "FREE_CLASSES", "Definition", "Item", "Kind", "Node", "Presence", "base_class", "definition", "find", "folder",
    "is_a", "names", "shipped", "table", "unit_text", "walk",
]  # fmt: skip
