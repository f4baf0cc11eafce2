"""A simulated scan as the record of a raw scan, with its truth beside it.

The collection `truth` holds what the scan was made of. `truth/experiment` is the same in all scans of an experiment,
so that any of them can judge a cube of all.

    transmission         (H, W)     of the turned sample for light along the laboratory's x, 1 in air
    transmission_across  (H, W)     for light along y, where the beam is not purely polarised
    transmission_x_to_y, transmission_y_to_x
                         (H, W)     of light that changes its polarisation, in the Jones model
    y, x                 (H,), (W,) m, laboratory, zero on the axis of the rotation, the drift left out
    label                (H, W)     grain that is thickest on each pixel, 0 in air; same grid
    thickness            (H, W)     m
    probe                (h, w)     sqrt(photons) of a mean frame
    position_y, _x       (n,)       m, where the beam met the turned sample, drift and jitter included
    rotation             ()         rad, by which the sample was turned from x towards y
    drift                (2,)       m, along y and x, by which images of this scan show the sample displaced
    experiment/
      energy             (E,)       eV, of all scans of the experiment
      rotation           (P,)       rad, as the stage says
      true_rotation      (P,)       rad, as it is; zero is zero: that is the frame of the sample
      drift              (P, E, 2)  m, as above
      delta_parallel, delta_perpendicular, beta_parallel, beta_perpendicular
                         (E,)       n = 1 - delta + i beta along and across the c axis
      grain              (G,)       label
      azimuth            (G,)       rad in [0, pi), of its c axis from x towards y in the frame of the sample; in the
                                    laboratory add true_rotation
      tilt               (G,)       rad in [0, pi / 2], of its c axis out of the plane of the sample
      dose               (E,)       Gy, at the surface in the middle of the field, of one scan at each energy
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.provenance import now, step
from picpxct_nx.records import Scan
from picpxct_nx.simulate.configure import UNITS
from picpxct_nx.simulate.equipment import specimen
from picpxct_nx.simulate.experiment import SimulatedScan
from picpxct_nx.simulate.exposure import dose
from picpxct_nx.simulate.phantom import axis_angles
from picpxct_nx.simulate.presets import Experiment
from picpxct_nx.simulate.spectra import optical_constants
from picpxct_nx.simulate.stage import drift, true_rotation
from picpxct_nx.values import Value


def planned(experiment: Experiment, only: Sequence[str] = ()) -> list[tuple[float, float]]:
    """Energy in eV and rotation in rad of every scan, or of those named only, in the order of the simulation.

    Raises
    ------
    UsageError
        Two of them would have the same name, or there is none of a name.
    """
    plan = [(energy_ev, rotation) for rotation in experiment.rotations for energy_ev in experiment.energies_ev]
    names = [entry_name(*scan) for scan in plan]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two scans would be called {twice}; wanted energies 0.1 eV and rotations 1 deg apart or more")
    strange = next((name for name in only if name not in names), None)
    if strange is not None:
        raise UsageError(f"--only {strange}: is no scan of the experiment; they are {names[0]} to {names[-1]}")
    return [scan for scan, name in zip(plan, names, strict=True) if name in only or not only]


def entry_name(energy_ev: float, rotation: float) -> str:
    """Name of the entry of a simulated scan: energy in tenths of eV and rotation in degrees."""
    return f"scan_E{round(energy_ev * 10):06d}_R{round(np.rad2deg(rotation)):03d}"


def make_scan(scan: SimulatedScan, parameters: dict[str, Value], common: dict[str, Value] | None = None) -> Scan:
    """The record of a simulated scan.

    Parameters
    ----------
    scan : SimulatedScan
        What the experiment recorded, and what it was made of.
    parameters : dict
        Parameters of the simulation for the history (`parameters_of`), units under `name@units`.
    common : dict, optional
        What is true of all scans of the experiment (`common_truth`).
    """
    n = len(scan.frames)
    # One for all, so that what the history tells is enough to make the very same again.
    moment = now()
    energy, angle = scan.incident_energy_ev, np.rad2deg(scan.rotation)
    record = Scan(
        entry=entry_name(energy, scan.rotation),
        title=f"Simulated V2O5 particle, {energy:.1f} eV, sample at {angle:.0f} deg",
        frames=scan.frames,
        pixel_mask=scan.pixel_mask,
        frame=np.arange(n),
        start_time=moment,
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
        extra={"end_time": moment} | _about(scan) | _truth(scan) | (common or {}),
    )
    return record.made_by(dataclasses.replace(step("simulate", parameters), date=moment))


def _about(scan: SimulatedScan) -> dict[str, Value]:
    return {
        "experiment_identifier": "simulated",
        # Of the kinds that NeXus lists, the one that is simulated; the names say that it is.
        "instrument/source/type": "Synchrotron X-ray Source",
        "instrument/beam/flux": scan.flux,
        "instrument/detector/saturation_value": scan.saturation_value,
    }


def _truth(scan: SimulatedScan) -> dict[str, Value]:
    truth = scan.truth
    values: dict[str, tuple[Value, str]] = {
        "y": (truth.y, "m"),
        "x": (truth.x, "m"),
        "transmission": (truth.object, ""),
        "probe": (truth.probe, ""),
        "thickness": (truth.projection.thickness.astype(np.float32), "m"),
        "label": (truth.projection.label, ""),
        "position_y": (truth.position_y, "m"),
        "position_x": (truth.position_x, "m"),
        "rotation": (truth.rotation, "rad"),
        "drift": (truth.drift, "m"),
    }
    for name in ("across", "x_to_y", "y_to_x"):
        image = getattr(truth, f"object_{name}")
        if image is not None:
            values[f"transmission_{name}"] = (image, "")
    return _collection("truth", values)


def common_truth(experiment: Experiment, seed: int) -> dict[str, Value]:
    """What is true of all scans of an experiment, by path."""
    energies, rotations = experiment.energies_ev, experiment.rotations
    constants = optical_constants(energies)
    azimuth, tilt = axis_angles(specimen(experiment, seed))
    values: dict[str, tuple[Value, str]] = {
        "energy": (np.array(energies), "eV"),
        "rotation": (np.array(rotations), "rad"),
        "true_rotation": (np.array([true_rotation(experiment, angle, seed=seed) for angle in rotations]), "rad"),
        "drift": (
            np.array([[drift(experiment, energy, angle, seed=seed) for energy in energies] for angle in rotations]),
            "m",
        ),
        "delta_parallel": (constants.delta_parallel, ""),
        "delta_perpendicular": (constants.delta_perpendicular, ""),
        "beta_parallel": (constants.beta_parallel, ""),
        "beta_perpendicular": (constants.beta_perpendicular, ""),
        "grain": (np.arange(1, len(azimuth), dtype=np.int32), ""),
        "azimuth": (azimuth[1:], "rad"),
        "tilt": (tilt[1:], "rad"),
        "dose": (np.array([dose(experiment, energy) for energy in energies]), "Gy"),
    }
    return _collection("truth/experiment", values)


def _collection(group: str, values: dict[str, tuple[Value, str]]) -> dict[str, Value]:
    """The values of an NXcollection by path, each with its unit where it has one."""
    made: dict[str, Value] = {f"{group}@NX_class": "NXcollection"}
    for name, (value, unit) in values.items():
        made[f"{group}/{name}"] = value
        if unit:
            made[f"{group}/{name}@units"] = unit
    return made


def parameters_of(experiment: Experiment, preset: str, seed: int) -> dict[str, Value]:
    """Every number of an experiment as parameters for the history, in SI units, each under `name@units`."""
    values: dict[str, Value] = {"preset": preset, "seed": seed}
    for item in dataclasses.fields(experiment):
        value = getattr(experiment, item.name)
        if dataclasses.is_dataclass(value):
            values |= {f"{item.name}.{name}": number for name, number in vars(value).items()}
        elif not (isinstance(value, tuple) and not value):
            values[item.name] = np.asarray(value) if isinstance(value, tuple) else value
    return values | {f"{name}@units": UNITS[name] for name in values if name in UNITS}
