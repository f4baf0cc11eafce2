"""picpxct score: how far results are from the truth that they were simulated from."""

import typer

from . import _judging_options as j
from ._input import read_entries


def score(inputs: j.Judged = None, as_json: j.JsonScore = False) -> None:
    """Compare results of any stage with the truth of the simulated experiment that they were made from.

    Name raw scans of the simulation first, then what to judge. A reconstruction needs its own scan, all else any.
    Example: picpxct score scans/*.nxs recs/*.nxs
    """
    from picpxct_nx.errors import UsageError
    from picpxct_nx.records import Scan
    from picpxct_nx.score import figures, truth
    from picpxct_nx.score.judge import judge

    scans: list[Scan] = []
    experiment = None
    for record, _ in read_entries(inputs):
        if experiment is None and isinstance(record, Scan):
            scans.append(record)
            continue
        experiment = experiment or truth.read(scans)
        scored = judge(record, experiment)
        typer.echo(figures.as_json(scored) if as_json else figures.as_text(scored))
    if experiment is None:
        raise UsageError(f"found {len(scans)} raw scans and nothing to judge; name the truth first, then results")
