"""The form deposit.toml as `picpxct deposit --init` writes it: a sentence for each key, what files say filled in."""

import json
from collections.abc import Iterable

from picpxct_nx.deposit import terms
from picpxct_nx.deposit.form import Said
from picpxct_nx.provenance import now

_HEAD = """\
# What people have to say of a deposit; what files say by themselves is taken from them.
# Lines with '# ' before them are optional. picpxct deposit FILES... -o crate/ reads this form.

title = ""
# An abstract: what was measured, how, and why.
description = ""
# SPDX identifier: {licences}.
license = ""
# Day of publication.
date = "{today}"
# keywords = ["V2O5", "linear dichroism"]
# language = "en"
# version = "1.0"
# A DOI that a repository has reserved.
# doi = "10.5281/zenodo.1234567"
{proposal}
# Beyond what the files are evidence of; terms of PaNET:
{techniques}
# techniques = []

# The repository that will publish this; ror or url is needed.
[publisher]
name = ""
ror = ""
# url = "https://zenodo.org"
"""

_PERSON = """
# Everybody who made the data, in the order of the citation. An affiliation with its ROR is needed.
[[creators]]
given = {given}
family = {family}
orcid = {orcid}
affiliation = {affiliation}
ror = ""
# email = ""  # of the one whom PSI's catalogue may write to; goes nowhere else
"""

_TAIL = """
# Others, in a role of DataCite: {roles}.
# [[contributors]]
# given = ""
# family = ""
# role = "DataCollector"

# [facility]
# name = {facility}
# ror = ""
{samples}{instruments}
# [[funding]]
# funder = "Swiss National Science Foundation"
# ror = "https://ror.org/00yjd3n13"
# number = ""
# title = ""

# Articles and other things, and how this deposit relates to them: IsSupplementTo, IsDerivedFrom, IsDocumentedBy, ...
# [[related]]
# pid = "10.1107/..."
# relation = "IsSupplementTo"

# Raw data that are kept elsewhere: UUID of the entry, or SHA-256 of the file, and its DOI or address.
# [external_inputs]
# "00000000-0000-0000-0000-000000000000" = "https://doi.org/10.5281/zenodo.7654321"

# For SciCat at PSI; without this table no metadata.json is made.
# [scicat]
# owner_group = "p12345"
# creation_location = "/PSI/SLS/CSAXS"
# source_folder = ""  # absolute path at which PSI's machines will find the deposit
# contact_email = ""
# principal_investigator = ""  # e-mail address
# input_datasets = []  # PIDs of raw data that are in the catalogue already
"""


def template(said: Said) -> str:
    """The form, with the names that files say filled in."""
    people = said.people or (None,)
    head = _HEAD.format(
        today=now()[:10],
        licences=", ".join(terms.LICENCES),
        techniques="\n".join(f"#   {key} {name}" for key, name in terms.TECHNIQUES.items()),
        proposal=f"proposal = {_quoted(said.proposals[0])}" if said.proposals else '# proposal = ""',
    )
    forms = [
        _PERSON.format(
            given=_quoted(person.given if person else ""),
            family=_quoted(person.family if person else ""),
            orcid=_quoted(person.orcid if person and person.orcid else ""),
            affiliation=_quoted(person.affiliations[0].name if person and person.affiliations else ""),
        )
        for person in people
    ]
    tail = _TAIL.format(
        roles=", ".join(sorted(terms.ROLES)),
        facility=_quoted(said.facilities[0] if said.facilities else ""),
        samples=_things("samples", said.samples, 'igsn = ""', "IGSN of a sample, by the name that the files use."),
        instruments=_things("instruments", said.instruments, 'pid = ""', "PID of an instrument (PIDINST)."),
    )
    return head + "".join(forms) + tail


def _things(table: str, names: Iterable[str], pid: str, sentence: str) -> str:
    rows = "".join(f"# [[{table}]]\n# name = {_quoted(name)}\n# {pid}\n" for name in names or ("",))
    return f"\n# {sentence}\n{rows}"


def _quoted(text: str) -> str:
    # A JSON string is a basic string of TOML.
    return json.dumps(text, ensure_ascii=False)
