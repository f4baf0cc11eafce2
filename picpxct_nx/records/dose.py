"""Dose map: what the sample took, a scan or all of them."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class DoseMap(Record):
    """Radiation dose of one scan or of all scans of a sample (NXspecptycho_dose)."""

    DEFINITION = "NXspecptycho_dose"

    attenuation_from: str = nx("attenuation_from")
    flux_from: str = nx("flux_from")
    beam_from: str = nx("beam_from")
    field_area: float = nx("field_area")
    mean_dose: float = nx("mean_dose")
    mean_dose_sigma: float | None = nx("mean_dose_errors", None)
    maximum_dose: float = nx("maximum_dose")
    mean_fluence: float = nx("mean_fluence")
    warnings: Array | None = nx("warnings", None)  # (k,) text
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    density: float | None = nx("sample/density", None)
    dose: Array = nx("dose/dose")  # (H, W) Gy
    fluence: Array = nx("dose/fluence")  # (H, W) 1/m^2
    y: Array = nx("dose/y")  # (H,)
    x: Array = nx("dose/x")  # (W,)
    scan: Array = nx("scans/scan")  # (scans,)
    scan_name: Array = nx("scans/name")  # (scans,) text
    scan_energy_ev: Array = nx("scans/photon_energy")  # (scans,)
    scan_rotation: Array = nx("scans/rotation_angle")  # (scans,)
    scan_photons: Array = nx("scans/photons")  # (scans,)
    scan_mass_attenuation: Array = nx("scans/mass_attenuation")  # (scans,) m^2/kg
    scan_mass_attenuation_sigma: Array | None = nx("scans/mass_attenuation_errors", None)  # (scans,) m^2/kg
    scan_mean_fluence: Array = nx("scans/mean_fluence")  # (scans,) 1/m^2
    scan_mean_dose: Array = nx("scans/mean_dose")  # (scans,) Gy
    scan_maximum_dose: Array = nx("scans/maximum_dose")  # (scans,) Gy
