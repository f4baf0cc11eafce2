"""Work on several files at a time: in order, in processes of their own where that is worth it, and ended when asked."""

import os
import time
from functools import partial
from multiprocessing import active_children

import pytest

from picpxct_nx.deposit.pool import WORTH_BYTES, each


def test_small_files_are_looked_at_in_this_process() -> None:
    told: list[tuple[int, int]] = []
    found = each([os.getpid] * 3, [1, 2, 3], 4, lambda *row: told.append(row))
    assert found == [os.getpid()] * 3
    assert told == [(1, 6), (3, 6), (6, 6)]


@pytest.mark.slow
def test_large_files_are_looked_at_in_processes_of_their_own_and_given_in_order() -> None:
    told: list[tuple[int, int]] = []
    found = each([partial(divmod, n, 2) for n in range(4)], [WORTH_BYTES] * 4, 2, lambda *row: told.append(row))
    assert found == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert told[-1] == (4 * WORTH_BYTES, 4 * WORTH_BYTES)


@pytest.mark.slow
def test_who_is_asked_to_end_does_not_wait_for_the_others() -> None:
    def interrupt(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each([partial(time.sleep, 0), partial(time.sleep, 3600)], [WORTH_BYTES] * 2, 2, interrupt)
    assert not active_children()
