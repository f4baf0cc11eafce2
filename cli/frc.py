"""picpxct frc: the resolution of two images of the same specimen."""

from . import _image_options as i
from . import _options as o
from ._input import read_entries
from ._output import Delivery, deliver, refuse_early
from ._talk import complain, say


def frc(
    inputs: o.Inputs = None,
    output: o.Output = None,
    image: i.Image = "phase",
    threshold: i.Threshold = "one-bit",
    taper: i.Taper = None,
    ring: i.Ring = 1,
    align: i.Align = True,
    ramp: i.Ramp = True,
    require: i.Require = False,
    plot: i.Plot = None,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Fourier ring correlation of two reconstructions, and the resolution.

    Example: picpxct frc half_a.nxs half_b.nxs -o curve.nxs
    """
    from picpxct_nx import atomic
    from picpxct_nx.errors import ConvergenceError, UsageError
    from picpxct_nx.images.frc import FrcOptions, sentence
    from picpxct_nx.images.frc_record import correlate, make_curve, parameters, summary, variant
    from picpxct_nx.provenance import step
    from picpxct_nx.records import Reconstruction

    delivery = Delivery(output=output, overwrite=overwrite, quiet=quiet, verbose=verbose, json=as_json)
    refuse_early(delivery)
    if plot is not None:
        atomic.refuse_existing(plot, overwrite=overwrite)
    options = FrcOptions(variant(image), threshold, taper, ring, align=align, ramp=ramp)
    pair = [r for r, _ in read_entries(inputs, Reconstruction, note=delivery.note) if isinstance(r, Reconstruction)]
    if len(pair) != 2:
        raise UsageError(f"found {len(pair)} reconstructions; wanted two: select entries with FILE::ENTRY")
    a, b = pair
    curve = correlate(a, b, options)
    record = make_curve(a, b, curve, step("frc", parameters(options, curve), [a.as_input(), b.as_input()]))
    say(f"frc: {sentence(curve)}", quiet=quiet)
    for warning in curve.warnings:
        complain(f"frc: warning: {warning}")
    if plot is not None:
        from picpxct_nx.report.pictures import draw_frc

        draw_frc(record, plot)
    deliver([record], delivery, summary)
    if require and not record.resolved:
        raise ConvergenceError(f"not resolved: {curve.unresolved}")
