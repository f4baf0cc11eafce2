"""Unfolding of a tree in which objects have several names: cycles, depth, and how many paths there are."""

from collections.abc import Iterator

from picpxct_nx.validation.tree import Item
from picpxct_nx.validation.violation import Violation

MAX_DEPTH = 64
MAX_LINKS = 200_000


def unfold(root: Item) -> list[Violation]:
    """What makes a walk by names endless or too long: a group inside itself, or doubled links in a chain.

    Every group is finished after all groups below it (depth-first, post-order), so that the number of paths below a
    group is one more for each member plus the paths below the members, without walking any of them twice.
    """
    faults: list[Violation] = []
    paths: dict[int, int] = {}
    height: dict[int, int] = {}
    above = {id(root)}
    stack: list[tuple[Item, Iterator[tuple[str, Item]]]] = [(root, iter(root.members.items()))]
    while stack:
        group, rest = stack[-1]
        name, child = next(rest, (None, None))
        if child is None:
            below = [member for member in group.members.values() if id(member) in paths]
            paths[id(group)] = len(group.members) + sum(paths[id(member)] for member in below)
            height[id(group)] = 1 + max((height[id(member)] for member in below), default=0)
            above.discard(id(group))
            stack.pop()
        elif id(child) in above:
            here = f"{group.path.rstrip('/')}/{name}"
            faults.append(Violation(here, "LINK_CYCLE", f"leads back to its own ancestor {child.path}; remove it"))
        elif child.is_group and id(child) not in paths:
            above.add(id(child))
            stack.append((child, iter(child.members.items())))
    if paths[id(root)] > MAX_LINKS:
        faults.append(Violation("/", "LIMIT_LINKS", f"unfolds to more than {MAX_LINKS} paths; remove doubled links"))
    if height[id(root)] > MAX_DEPTH + 1:
        faults.append(Violation("/", "LIMIT_DEPTH", f"groups nest deeper than {MAX_DEPTH}; flatten the file"))
    return faults
