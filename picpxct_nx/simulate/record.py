"""A simulated scan as the record of a raw scan, with its truth beside it."""

import dataclasses

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.provenance import now, step
from picpxct_nx.records import Scan
from picpxct_nx.simulate.configure import UNITS
from picpxct_nx.simulate.experiment import SimulatedScan
from picpxct_nx.simulate.presets import Experiment
from picpxct_nx.values import Array, Value


def planned(experiment: Experiment) -> list[tuple[float, float]]:
    """Energy in eV and rotation in rad of every scan, in the order in which they are simulated.

    Raises
    ------
    UsageError
        Two of them would have the same name.
    """
    plan = [(energy_ev, rotation) for rotation in experiment.rotations for energy_ev in experiment.energies_ev]
    names = [entry_name(*scan) for scan in plan]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two scans would be called {twice}; wanted energies 0.1 eV and rotations 1 deg apart or more")
    return plan


def entry_name(energy_ev: float, rotation: float) -> str:
    """Name of the entry of a simulated scan: energy in tenths of eV and rotation in degrees."""
    return f"scan_E{round(energy_ev * 10):06d}_R{round(np.rad2deg(rotation)):03d}"


def make_scan(scan: SimulatedScan, parameters: dict[str, Value]) -> Scan:
    """The record of a simulated scan.

    Parameters
    ----------
    scan : SimulatedScan
        What the experiment recorded, and what it was made of.
    parameters : dict
        Parameters of the simulation for the history, units under `name@units`.
    """
    n = len(scan.frames)
    energy, angle = scan.incident_energy_ev, np.rad2deg(scan.rotation)
    record = Scan(
        entry=entry_name(energy, scan.rotation),
        title=f"Simulated V2O5 particle, {energy:.1f} eV, sample at {angle:.0f} deg",
        frames=scan.frames,
        pixel_mask=scan.pixel_mask,
        frame=np.arange(n),
        start_time=now(),
        instrument="simulated beamline",
        source="simulated source",
        encoder_energy_ev=energy,
        energy_offset_ev=0.0,
        energy_ev=energy,
        stokes=scan.stokes,
        x_pixel_size=scan.x_pixel_size,
        y_pixel_size=scan.y_pixel_size,
        distance=scan.distance,
        beam_center_x=scan.beam_center_x,
        beam_center_y=scan.beam_center_y,
        count_time=scan.count_time,
        sample="simulated V2O5 particle",
        formula="O5 V2",
        rotation=scan.rotation,
        stage_x=scan.stage_x,
        stage_y=scan.stage_y,
        monitor=scan.monitor,
        zone_plate_diameter=scan.zone_plate.diameter,
        outermost_zone_width=scan.zone_plate.outermost_zone_width,
        central_stop_diameter=scan.zone_plate.central_stop_diameter,
        defocus=scan.defocus,
        extra={
            "end_time": now(),
            "experiment_identifier": "simulated",
            # Of the kinds that NeXus lists, the one that is simulated; the names say that it is.
            "instrument/source/type": "Synchrotron X-ray Source",
            "instrument/beam/flux": scan.flux,
            "instrument/detector/saturation_value": scan.saturation_value,
            **_truth(scan),
        },
    )
    return record.made_by(step("simulate", parameters))


def _truth(scan: SimulatedScan) -> dict[str, Value]:
    truth = scan.truth
    maps: dict[str, tuple[Array, str]] = {
        "y": (truth.y, "m"),
        "x": (truth.x, "m"),
        "transmission": (truth.object, ""),
        "probe": (truth.probe, ""),
        "thickness": (truth.projection.thickness.astype(np.float32), "m"),
        "label": (truth.projection.label, ""),
    }
    values: dict[str, Value] = {"truth@NX_class": "NXcollection"}
    for name, (array, unit) in maps.items():
        values[f"truth/{name}"] = array
        if unit:
            values[f"truth/{name}@units"] = unit
    return values


def parameters_of(experiment: Experiment, preset: str, seed: int) -> dict[str, Value]:
    """Every number of an experiment as parameters for the history, in SI units, each under `name@units`."""
    values: dict[str, Value] = {"preset": preset, "seed": seed}
    for item in dataclasses.fields(experiment):
        value = getattr(experiment, item.name)
        if dataclasses.is_dataclass(value):
            values |= {f"{item.name}.{name}": number for name, number in vars(value).items()}
        else:
            values[item.name] = np.asarray(value) if isinstance(value, tuple) else value
    return values | {f"{name}@units": UNITS[name] for name in values if name in UNITS}
