"""picpxct frc: the resolution of two images of the same specimen."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ._input import read_entries
from ._options import Inputs, Json, Output, Overwrite, Quiet
from ._output import Delivery, deliver, refuse_early
from ._talk import complain, say


def frc(
    inputs: Inputs = None,
    output: Output = None,
    image: Annotated[str, typer.Option("--image", help="phase, absorption, complex or phasor.")] = "phase",
    threshold: Annotated[
        str, typer.Option("--threshold", help="one-bit, half-bit, sigma:K, fixed:V or snr:S.")
    ] = "one-bit",
    taper: Annotated[
        int | None, typer.Option("--taper", min=0, help="Cosine taper in pixels; at least 20 px or 8 %.")
    ] = None,
    ring: Annotated[int, typer.Option("--ring-thickness", min=1, help="Thickness of a ring.")] = 1,
    align: Annotated[
        bool, typer.Option("--align/--no-align", help="Register the pair to a hundredth of a pixel.")
    ] = True,
    ramp: Annotated[bool, typer.Option("--ramp/--no-ramp", help="Take out their relative phase ramp.")] = True,
    require: Annotated[bool, typer.Option("--require", help="Exit with 70 when the curve does not cross.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Also draw the curve to a PNG, PDF or SVG.")] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fourier ring correlation of two reconstructions, and the resolution.

    Example: picpxct frc half_a.nxs half_b.nxs -o curve.nxs
    """
    from picpxct_nx.errors import ConvergenceError, UsageError
    from picpxct_nx.images.frc import FrcOptions, sentence
    from picpxct_nx.images.frc_record import correlate, make_curve, parameters, summary, variant
    from picpxct_nx.provenance import step
    from picpxct_nx.records import Reconstruction

    delivery = Delivery(output=output, overwrite=overwrite, quiet=quiet, json=as_json)
    refuse_early(delivery)
    options = FrcOptions(variant(image), threshold, taper, ring, align=align, ramp=ramp)
    pair = [record for record, _ in read_entries(inputs, Reconstruction)]
    if len(pair) != 2:
        raise UsageError(f"found {len(pair)} reconstructions; wanted two: select entries with FILE::ENTRY")
    a, b = pair
    assert isinstance(a, Reconstruction) and isinstance(b, Reconstruction)  # noqa: S101, PT018  # as asked above
    curve = correlate(a, b, options)
    record = make_curve(a, b, curve, step("frc", parameters(options, curve), [a.as_input(), b.as_input()]))
    say(f"frc: {sentence(curve)}", quiet=quiet)
    for warning in curve.warnings:
        complain(f"frc: warning: {warning}")
    if plot is not None:
        from picpxct_nx.report.curves import draw_frc

        draw_frc(record, plot)
    if as_json and output is None:
        typer.echo(json.dumps(summary(record)))
    else:
        deliver([record], delivery, summary)
    if require and not record.resolved:
        raise ConvergenceError(f"not resolved: {curve.unresolved}")
