"""One result of any stage, judged by the truth of its experiment."""

from picpxct_nx.errors import InputError
from picpxct_nx.records import NormalizedCube, Reconstruction, Record, SpectralCube
from picpxct_nx.score import cube, reconstruction, spectra
from picpxct_nx.score.figures import Figure, Scored
from picpxct_nx.score.truth import Experiment, require_same


def judge(record: Record, experiment: Experiment) -> Scored:
    """The score of a reconstruction, a cube, normalised spectra or a grain map.

    Raises
    ------
    InputError
        The result is not of that experiment, or of a kind that has no truth.
    """
    require_same(experiment, record)
    figures: tuple[Figure, ...]
    if isinstance(record, Reconstruction):
        stage, figures = record.stage, reconstruction.judge(record, experiment)
    elif isinstance(record, SpectralCube):
        stage, figures = record.stage, cube.judge(record, experiment)
    elif isinstance(record, NormalizedCube):
        stage, figures = "normalized", spectra.judge(record, experiment)
    elif record.DEFINITION == "NXspecptycho_grainmap":
        # Late: scikit-image is slow to load.
        from picpxct_nx.score import grains

        stage, figures = "grainmap", grains.judge(record, experiment)
    else:
        raise InputError(
            f"{record.entry}: is {record.DEFINITION}, which has no truth; wanted a reconstruction, a cube, normalised "
            "spectra or a grain map"
        )
    return Scored(record.entry, record.DEFINITION, stage, figures)
