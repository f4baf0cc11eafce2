"""The record for a DOI as XML against the official schemas, which carry no licence and are therefore not shipped.

Get them with `git clone https://github.com/datacite/schema` and name their folder `source/meta` in PICPXCT_DATACITE.
"""

import os
import tomllib
from pathlib import Path

import pytest
from lxml import etree

from picpxct_nx.deposit import datacite, planning

from .conftest import SAMPLES

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("kernel", ["4.5", "4.6", "4.7"])
@pytest.mark.parametrize("doi", [None, "10.5281/zenodo.1234567"])
def test_the_record_keeps_the_schema_of_its_kernel(kernel: str, doi: str | None) -> None:
    folder = os.environ.get("PICPXCT_DATACITE")
    assert folder, "PICPXCT_DATACITE names no folder with kernel-4.6/metadata.xsd"
    form = tomllib.loads((Path(__file__).parents[1] / "deposit/form.toml").read_text("utf-8"))
    form |= {} if doi is None else {"doi": doi}
    files = [path for path in SAMPLES if path.name in ("scan.nxs", "reconstruction.nxs")]
    plan = planning.plan(planning.look(files), form, {}, "form")
    record = datacite.to_xml(datacite.record(plan.metadata, plan.lineage, 1))
    schema = etree.XMLSchema(etree.parse(str(Path(folder) / f"kernel-{kernel}" / "metadata.xsd")))
    assert schema.validate(etree.fromstring(record)), schema.error_log
