"""Batches of frames for engines that update after a part of the scan: random, sparse or compact."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

KINDS = ("random", "sparse", "compact")


def batches(positions: Tensor, size: int, kind: str) -> Iterator[list[int]]:
    """Frame numbers in batches of about `size`, every frame once, the batches in random order.

    Parameters
    ----------
    positions : (n, 2) float64, on the host
        Top-left corners, pixels.
    size : int
        Frames a batch.
    kind : str
        "random" draws frames; "sparse" makes the frames of a batch lie far apart, so that what they change hardly
        overlaps; "compact" takes neighbours, so that one batch settles one place.

    Yields
    ------
    list of int
    """
    n = len(positions)
    count = max(1, round(n / size))
    if kind == "random":
        order = torch.randperm(n)
    else:
        order = _along_stripes(positions, count)
        if kind == "sparse":
            # Neighbours in the order go to different batches.
            order = torch.cat([order[start::count] for start in range(count)])
    parts = torch.tensor_split(order, count)
    yield from (parts[index].tolist() for index in torch.randperm(count).tolist())


def _along_stripes(positions: Tensor, count: int) -> Tensor:
    """Frames ordered so that consecutive ones are neighbours: along stripes of a random direction, back and forth."""
    turn = float(torch.rand(())) * math.pi
    along = math.cos(turn) * positions[:, 0] + math.sin(turn) * positions[:, 1]
    across = math.cos(turn) * positions[:, 1] - math.sin(turn) * positions[:, 0]
    stripes = max(1, round(count**0.5))
    place = torch.empty(len(positions), dtype=torch.int64)
    for number, part in enumerate(torch.tensor_split(torch.argsort(across), stripes)):
        place[part] = number
    forth = torch.where(place % 2 == 0, along, -along)
    return torch.argsort(place.to(torch.float64) * (2 * float(forth.abs().max()) + 1) + forth)
