"""The proof of a deposit: other people's validators, offline, each with everything it can check."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import bagit
import pytest
from datacite import schema45
from requests_cache import CachedResponse, CachedSession
from requests_cache.models import CachedRequest
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationResult, ValidationSettings
from scitacean.model import UploadDataset

CONTEXT = Path(__file__).with_name("ro-crate-1.1-context.jsonld")
URL = "https://w3id.org/ro/crate/1.1/context"
# What a deposit may say and cannot: nobody recorded a start, an environment or a container; there is no address yet.
UNKNOWN = {
    "process-run-crate-0.5_15.1", "process-run-crate-0.5_15.4", "process-run-crate-0.5_15.5", "ro-crate-1.1_32.1",
    "ro-crate-1.1_33.1", "ro-crate-1.1_33.2", "ro-crate-1.1_33.3", "ro-crate-1.1_33.4",
}  # fmt: skip


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the validator that holds the context of RO-Crate 1.1 (CC0), so that it needs no internet."""
    path = tmp_path_factory.mktemp("cache") / "http_cache"
    with CachedSession(str(path), backend="sqlite") as session:
        request = CachedRequest(method="GET", url=URL)
        response = CachedResponse(
            status_code=200, url=URL, headers={"Content-Type": "application/ld+json"}, request=request
        )
        response._content = CONTEXT.read_bytes()
        session.cache.save_response(response, session.cache.create_key(request))
    return path


def judged(crate: Path, cache: Path, severity: Severity) -> ValidationResult:
    settings = ValidationSettings(
        rocrate_uri=str(crate), profile_identifier="process-run-crate", requirement_severity=severity, offline=True,
        cache_path=cache,
    )  # fmt: skip
    return services.validate(settings)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_crate_keeps_its_profile_at_every_level_but_for_what_nobody_knows(crate: Path, cache: Path) -> None:
    result = judged(crate, cache, Severity.OPTIONAL)
    issues = {(issue.check.identifier, issue.severity) for issue in result.get_issues()}
    # All that is required and all that is recommended holds.
    assert issues <= {(name, Severity.OPTIONAL) for name in UNKNOWN}
    statistics = result.statistics.to_dict()
    assert statistics["total_passed_checks"] == statistics["total_checks"] - len(issues) > 110
    assert statistics["total_skipped_checks"] == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_archive_keeps_all_that_its_profile_recommends_without_being_unpacked(archive: Path, cache: Path) -> None:
    result = judged(archive, cache, Severity.RECOMMENDED)
    assert [issue.message for issue in result.get_issues()] == []
    statistics = result.statistics.to_dict()
    assert statistics["total_passed_checks"] == statistics["total_checks"] > 90
    assert statistics["total_skipped_checks"] == 0


@pytest.mark.filterwarnings("ignore")
def test_the_bag_is_complete_and_every_hash_is_right(crate: Path) -> None:
    bag = bagit.Bag(str(crate))
    assert bag.validate(fast=False)
    assert bag.info["Payload-Oxum"] == f"{sum(p.stat().st_size for p in files(crate))}.{len(files(crate))}"


def files(crate: Path) -> list[Path]:
    return [path for path in (crate / "data").rglob("*") if path.is_file()]


def test_the_record_for_a_doi_keeps_the_schema_of_datacite(crate: Path) -> None:
    record = json.loads((crate / "data/datacite.json").read_text())
    assert [error.message for error in schema45.validator.iter_errors(record)] == []


def test_its_xml_says_what_datacite_itself_would_write(crate: Path) -> None:
    record = json.loads((crate / "data/datacite.json").read_text())
    theirs = ET.fromstring(schema45.tostring(record | {"doi": "(:tba)"}).encode())
    ours = ET.fromstring((crate / "data/datacite.xml").read_bytes())
    assert told(ours) == told(theirs)


def told(element: ET.Element) -> Any:
    """An element as plain values, the order of what stands side by side left out."""
    marks = {k: v for k, v in element.attrib.items() if not k.endswith("schemaLocation")}
    return element.tag, (element.text or "").strip(), sorted(marks.items()), sorted(map(told, element), key=str)


# What version 4 of the catalogue's interface calls otherwise than the metadata.json that PSI's tool reads.
RENAMED = {
    "principalInvestigator": "principalInvestigators", "investigator": "principalInvestigators",
    "proposalId": "proposalIds",
}  # fmt: skip
# What PSI's manual demands beyond that.
DEMANDED = {
    "raw": {"principalInvestigator", "creationLocation"},
    "derived": {"investigator", "inputDatasets", "usedSoftware"},
}


@pytest.mark.parametrize("kind", ["raw", "derived"])
def test_the_metadata_for_scicat_keep_its_model(crate: Path, kind: str) -> None:
    made = json.loads((crate / f"data/scicat/{kind}/metadata.json").read_text())
    renamed = {RENAMED.get(k, k): [v] if k in RENAMED else v for k, v in made.items()}
    assert set(renamed) <= set(UploadDataset.model_fields)
    model = UploadDataset.model_validate(renamed)
    assert (model.type, model.ownerGroup, model.license) == (kind, "p12345", "CC-BY-4.0")
    assert DEMANDED[kind] <= set(made)
