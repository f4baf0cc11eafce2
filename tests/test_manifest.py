"""Manifests: what they say of scans, in which units, and the one line for each that cannot be used."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.manifest import Row, match, parse

ENTRIES = ["scan_S00001", "scan_S00002", "scan_E054600_R000"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "scan,energy (eV),sample_rotation,particle_set\nS00001,5460,0 deg,A\nscan_S00002,5471.0,90 deg,B\n"),
        ("a.csv", "\ufeffScan; Energy (keV); Sample rotation (deg); particle_set\n1; 5.46; 0; A\n2; 5.471; 90; B\n"),
        (
            "a.toml",
            '[[scans]]\nscan = "S1"\nenergy = "5460 eV"\nsample_rotation = "0 rad"\nparticle_set = "A"\n'
            '[[scans]]\nscan = "S00002"\nenergy = "5.471 keV"\nsample_rotation = "90 deg"\nparticle_set = "B"\n',
        ),
    ],
)
def test_units_stand_in_the_header_or_in_the_values(name: str, text: str) -> None:
    rows = match(parse(text, name), ENTRIES[:2])
    one, two = rows["scan_S00001"], rows["scan_S00002"]
    assert (one.energy_ev, one.rotation, one.particle_set) == (5460.0, 0.0, "A")
    assert (two.energy_ev, two.particle_set) == (5471.0, "B")
    assert two.rotation == pytest.approx(np.pi / 2)


def test_all_but_the_scan_may_be_left_out() -> None:
    manifest = parse("scan,energy,note\nscan_E054600_R000,,by night\n", "a.csv")
    assert manifest.rows == (Row("scan_E054600_R000"),)
    assert manifest.unread == ("note",)
    assert match(manifest, ENTRIES[2:]) == {"scan_E054600_R000": manifest.rows[0]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no scan"),
        ("energy\n5460 eV\n", "has no column 'scan'; found energy"),
        ("scan,energy\nS1,5460\n", r"row 1: energy: '5460' has no unit"),
        ("scan,energy\nS1,5460 nm\n", "row 1: energy: .*not convertible"),
        ("scan,energy (nm)\nS1,5460\n", "column 'energy .nm.': .*not convertible"),
        ("scan,energy\nS1,-1 eV\n", "wanted a positive one"),
        ("scan\nS1\nS00001\n", "S00001 is named twice, in rows 1 and 2"),
        ("scan,energy,energy (eV)\nS1,1 eV,2\n", "column 'energy' stands there twice"),
        ("scan,particle_set\nS1,A\nS2,\n", "S2 has no particle_set, others have"),
        ("scan,energy\nS1\n", "row 1 has 1 cells, the header 2"),
        ("scan,energy\n,5460 eV\n", "row 1: names no scan"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(text, "a.csv")


@pytest.mark.parametrize("text", ["scan = [", "[other]\nx = 1\n", 'scans = "S1"\n'])
def test_toml_is_scans_and_nothing_else(text: str) -> None:
    with pytest.raises(InputError, match=r"is not TOML|wanted"):
        parse(text, "a.toml")


def test_rows_and_scans_must_agree() -> None:
    with pytest.raises(InputError, match="S7 is not among the inputs"):
        match(parse("scan\nS7\n", "a.csv"), ENTRIES[:1])
    with pytest.raises(InputError, match="has no row for scan_S00002"):
        match(parse("scan\nS1\n", "a.csv"), ENTRIES[:2])
    with pytest.raises(InputError, match="S1 could be scan_S00001 or other_S1"):
        match(parse("scan\nS1\n", "a.csv"), ["scan_S00001", "other_S1"])
