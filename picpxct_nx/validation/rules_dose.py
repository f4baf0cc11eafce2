"""Rules on the values of dose maps."""

import numpy as np

from picpxct_nx.validation.view import Found, View

# Joule of an electronvolt, exactly; and what two writers of one number may differ by.
_JOULE_PER_EV = 1.602176634e-19
_SAME = 1e-3
_NUMBERS = ("field_area", "mean_dose", "maximum_dose", "mean_fluence")
_COLUMNS = ("photon_energy", "photons", "mass_attenuation", "mean_fluence", "mean_dose", "maximum_dose")


def dose_range(view: View) -> Found:
    """Doses, fluences and what they follow from are not negative, and no mean is above the largest."""
    for path in (*_NUMBERS, *(f"scans/{name}" for name in _COLUMNS)):
        found = view.array(path)
        if found is not None and not (found >= 0).all():
            yield path, "holds a number below zero; photons and their doses are positive"
    for group in ("", "scans/"):
        mean, largest = view.array(f"{group}mean_dose"), view.array(f"{group}maximum_dose")
        if mean is None or largest is None or mean.shape != largest.shape:
            continue
        if (mean > largest * (1 + _SAME)).any():
            yield f"{group}mean_dose", "is above maximum_dose; are the two swapped?"


def dose_formula(view: View) -> Found:
    """The mean dose of a scan is its mean fluence times photon energy and mass attenuation coefficient."""
    energy, fluence, mu, dose = (
        view.array(f"scans/{name}") for name in ("photon_energy", "mean_fluence", "mass_attenuation", "mean_dose")
    )
    if energy is None or fluence is None or mu is None or dose is None:
        return
    if not energy.shape == fluence.shape == mu.shape == dose.shape:
        return
    wanted = fluence * energy * _JOULE_PER_EV * mu
    wrong = np.flatnonzero(np.abs(dose - wanted) > _SAME * np.abs(wanted))
    if wrong.size:
        row = int(wrong[0])
        text = f"row {row} is {dose[row]:.6g} Gy; fluence, photon energy and mass attenuation make {wanted[row]:.6g} Gy"
        yield "scans/mean_dose", f"{text} ({wrong.size} rows)"


def dose_maps(view: View) -> Found:
    """The maps of dose and fluence are not negative, and the largest dose is that of the map."""
    largest = view.number("maximum_dose")
    for path in ("dose/dose", "dose/fluence"):
        if not view.has(path) or 0 in view.shape(path):
            continue
        parts = [view.read(path, rows) for rows in view.parts(path)]
        dark = sum(int(np.sum(~(part >= 0))) for part in parts)
        if dark:
            yield path, f"{dark} pixels are negative or not finite; wanted what fell on them"
        elif path == "dose/dose" and largest is not None:
            top = max(float(part.max()) for part in parts)
            if abs(top - largest) > _SAME * abs(top):
                yield "maximum_dose", f"is {largest:.6g} Gy; the map reaches {top:.6g} Gy"
