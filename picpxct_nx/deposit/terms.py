"""Terms that a deposit may use: licences of SPDX, techniques of PaNET, relations and roles of DataCite."""

from collections.abc import Mapping
from types import MappingProxyType

from picpxct_nx.records import (
    DoseMap,
    FrcCurve,
    GrainMap,
    NormalizedCube,
    Reconstruction,
    Scan,
    SpectralCube,
)

# Licences under which data may be reused, by SPDX identifier: name, and where their text is.
LICENCES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "CC0-1.0": ("Creative Commons Zero v1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/legalcode"),
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/legalcode"),
    "CC-BY-SA-4.0": (
        "Creative Commons Attribution Share Alike 4.0 International",
        "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
    ),
    "CC-BY-NC-4.0": (
        "Creative Commons Attribution Non Commercial 4.0 International",
        "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
    ),
    "ODbL-1.0": ("Open Data Commons Open Database License v1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
    "ODC-By-1.0": ("Open Data Commons Attribution License v1.0", "https://opendatacommons.org/licenses/by/1-0/"),
    "PDDL-1.0": ("Open Data Commons Public Domain Dedication & License 1.0", "https://opendatacommons.org/licenses/pddl/1-0/"),
})  # fmt: skip


def licence_url(identifier: str) -> str:
    """The page of a licence at SPDX, which is its identifier on the web."""
    return f"https://spdx.org/licenses/{identifier}"


# Techniques of the PaNET ontology (PaN-ontologies, version 1.3.0, CC BY 4.0) that may occur in our work.
_PANET = "http://purl.org/pan-science/PaNET/"
TECHNIQUES: Mapping[str, str] = MappingProxyType(
    {
        "PaNET01212": "ptychography",
        "PaNET01213": "ptychographic nanotomography",
        "PaNET01199": "x-ray absorption near edge structure",
        "PaNET01174": "coherent diffraction imaging",
        "PaNET01138": "linear dichroism",
        "PaNET01300": "x-ray linear dichroism",
        "PaNET01303": "x-ray natural linear dichroism",
        "PaNET01259": "x-ray magnetic linear dichroism",
    }
)


def technique_iri(identifier: str) -> str:
    """The IRI of a PaNET term; it begins with http, as the ontology writes it."""
    return f"{_PANET}{identifier}"


# What each kind of file is evidence of.
TECHNIQUES_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        Scan.DEFINITION: ("PaNET01212",),
        Reconstruction.DEFINITION: ("PaNET01212",),
        FrcCurve.DEFINITION: ("PaNET01212",),
        DoseMap.DEFINITION: ("PaNET01212",),
        SpectralCube.DEFINITION: ("PaNET01212", "PaNET01199"),
        NormalizedCube.DEFINITION: ("PaNET01212", "PaNET01199"),
        GrainMap.DEFINITION: ("PaNET01212", "PaNET01199", "PaNET01300"),
    }
)

# Relations of DataCite 4.5 from this deposit to something else.
RELATIONS = frozenset({
    "IsCitedBy", "Cites", "IsSupplementTo", "IsSupplementedBy", "IsContinuedBy", "Continues", "IsDescribedBy",
    "Describes", "HasMetadata", "IsMetadataFor", "HasVersion", "IsVersionOf", "IsNewVersionOf", "IsPreviousVersionOf",
    "IsPartOf", "HasPart", "IsPublishedIn", "IsReferencedBy", "References", "IsDocumentedBy", "Documents",
    "IsCompiledBy", "Compiles", "IsVariantFormOf", "IsOriginalFormOf", "IsIdenticalTo", "IsReviewedBy", "Reviews",
    "IsDerivedFrom", "IsSourceOf", "IsRequiredBy", "Requires", "Obsoletes", "IsObsoletedBy", "IsCollectedBy",
    "Collects",
})  # fmt: skip

# Roles of DataCite 4.5 for those who are no creators.
ROLES = frozenset({
    "ContactPerson", "DataCollector", "DataCurator", "DataManager", "Distributor", "Editor", "HostingInstitution",
    "Producer", "ProjectLeader", "ProjectManager", "ProjectMember", "RelatedPerson", "Researcher", "ResearchGroup",
    "RightsHolder", "Sponsor", "Supervisor", "WorkPackageLeader", "Other",
})  # fmt: skip
