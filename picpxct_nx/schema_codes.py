"""Every code that a report can hold: what each one says, how grave it is, and where the rule comes from.

The rules on values are documented by the table from which they run; those on safety, form and structure stand here.
"""

from dataclasses import dataclass

from picpxct_nx.validation.rules import RULES

_HDF5 = "HDF5 File Format Specification 3.0"
_NAMES, _UNITS = "NeXus manual, Naming Conventions", "NeXus manual, NXDL Data Types and Units"
_NXDL, _TYPES = "NeXus manual, NXDL", "NeXus manual, NXDL Data Types and Units"
_LINKS, _PLOT, _DATA = "NeXus manual, Links", "NeXus manual, Find the plottable data", "NeXus manual, NXdata"
_SAFETY, _DEFINITION = "safety", "the definition"
_UUIDS, _CHAIN = "RFC 9562", "the definition, history of an entry"
_FAR_FIELD = "Rodenburg & Maiden, Ptychography (2019), DOI 10.1007/978-3-030-00069-1_17"
_EITHER = "error or warning"
# Rules that are milder in entries that are not ours.
_MILDER = ("AXIS_ORDER",)


@dataclass(frozen=True)
class Code:
    """One code: it stays what it is from version to version, so that scripts can rely on it."""

    code: str
    level: str
    sentence: str
    source: str


SAFETY: tuple[Code, ...] = (
    Code("NOT_READABLE", "error", "The file is whole, not empty, and HDF5.", _HDF5),
    Code("DAMAGED", "error", "Every byte that is read makes sense and matches its checksum.", _HDF5),
    Code("TEXT_ENCODING", "error", "Names and text are UTF-8.", "NeXus manual, NX_CHAR"),
    Code("TYPE_REFUSED", "error", "Data are numbers or text: no references, ragged or opaque types.", _SAFETY),
    Code("LINK_EXTERNAL", "error", "No link leads to another file.", "CWE-73"),
    Code("LINK_CLASS", "error", "Links are hard or soft.", _SAFETY),
    Code("LINK_CYCLE", "error", "No group lies inside itself, and every chain of links ends.", _SAFETY),
    Code("LINK_DANGLING", "error", "Every soft link leads to something.", _LINKS),
    Code("STORAGE_EXTERNAL", "error", "No data lie in another file.", "CVE-2026-1669"),
    Code("STORAGE_VIRTUAL", "error", "No dataset is put together from other files.", "CWE-73"),
    Code("FILTER", "error", "Data are packed by filters that are known.", _SAFETY),
    Code("BOMB", "error", "Data do not unpack to far more than is stored for them.", "CWE-409"),
    Code("LIMIT_ATTRIBUTES", "error", "Attributes are few and small.", _SAFETY),
    Code("LIMIT_DEPTH", "error", "Groups do not nest deeper than 64.", _SAFETY),
    Code("LIMIT_LINKS", "error", "A file has at most 200 000 paths.", _SAFETY),
    Code("LIMIT_OBJECTS", "error", "A file has at most 100 000 objects.", _SAFETY),
    Code(
        "UNTRUSTED_CRASH",
        "error",
        "In a child process (--untrusted, or above 64 MiB): the reader survives the file.",
        _SAFETY,
    ),
    Code(
        "UNTRUSTED_MEMORY",
        "error",
        "In a child process: 2 GiB of memory are enough, or 8 GiB above 64 MiB without --untrusted.",
        _SAFETY,
    ),
    Code(
        "UNTRUSTED_TIMEOUT",
        "error",
        "In a child process: a minute is enough, or without --untrusted one and a second per 20 MB.",
        _SAFETY,
    ),
)

STRUCTURE: tuple[Code, ...] = (
    Code("DEFINITION_MISSING", "error", "An entry names the definition that it keeps.", _NXDL),
    Code("NO_DEFINITION", "warning", "An entry says what it keeps; else only base classes can be checked.", _NXDL),
    Code("DEFINITION_UNKNOWN", "error", "The definition that an entry names is known.", _NXDL),
    Code("VERSION", "error", "The version of a definition is major.minor.patch.", "Semantic Versioning 2.0.0"),
    Code("VERSION_NEWER", "error", "The definition is not newer than the program.", "Semantic Versioning 2.0.0"),
    Code("MISSING_GROUP", "error", "Every required group is there.", _NXDL),
    Code("MISSING_FIELD", "error", "Every required field is there.", _NXDL),
    Code("MISSING_ATTRIBUTE", "error", "Every required attribute is there.", _NXDL),
    Code("MISSING_LINK", "error", "Every required link is there.", _NXDL),
    Code("RECOMMENDED", "warning", "What is recommended is there.", _NXDL),
    Code("OCCURRENCE", "error", "There are as many groups or fields of a kind as the definition allows.", _NXDL),
    Code("UNDOCUMENTED", _EITHER, "Everything has a name that the definition or a base class knows.", _NXDL),
    Code("DEPRECATED", "warning", "Nothing is used that NeXus gave up.", _NXDL),
    Code("NAME", _EITHER, "Names are NeXus names: letters, digits, _ and inner dots, at most 63.", _NAMES),
    Code("KIND", "error", "What is to be a group is one, and what is to be a field.", _NXDL),
    Code("CLASS", _EITHER, "Every group has its NeXus class, and no field has one.", "NeXus manual, Groups"),
    Code("DEFAULT", _EITHER, "@default names something that is there.", _PLOT),
    Code("TYPE", _EITHER, "Values have the type that is wanted.", _TYPES),
    Code("RANK", _EITHER, "A field has as many dimensions as is wanted.", _NXDL),
    Code("LENGTH", "error", "A dimension has the length that is wanted; a vector is not all zeros.", _NXDL),
    Code("SYMBOL", _EITHER, "Dimensions of the same name have the same length.", _NXDL),
    Code("ENUMERATION", _EITHER, "A value is one of those allowed.", _NXDL),
    Code("ENUMERATION_OPEN", "warning", "A value is one of the usual ones.", _NXDL),
    Code("DATE", _EITHER, "A time is ISO 8601 with a time zone.", "ISO 8601-1:2019; " + _TYPES),
    Code("UNIT_MISSING", _EITHER, "A field that has a dimension states its unit.", _UNITS),
    Code("UNIT_UNKNOWN", _EITHER, "A unit is one of the closed set.", _UNITS),
    Code("UNIT_ALIAS", "warning", "A unit is spelt as NeXus spells it.", _UNITS),
    Code("UNIT_DIMENSION", _EITHER, "A unit can be converted to the one wanted.", _UNITS),
    Code("UNIT_UNEXPECTED", _EITHER, "A field without dimension has no unit.", _UNITS),
    Code("TARGET", _EITHER, "@target of a link names the very object; what stands twice is a link.", _LINKS),
    Code("DEPENDS_ON_DANGLING", _EITHER, "Every depends_on names a transformation that is there.", "NXtransformations"),
    Code("DEPENDS_ON_CYCLIC", "error", "Every chain of depends_on ends with '.'.", "NXtransformations"),
    Code("NXDATA_SIGNAL", _EITHER, "@signal names a field of numbers of the group.", _DATA),
    Code("NXDATA_AXES", "error", "@axes names a field, or '.', for every dimension of the signal.", _DATA),
    Code("NXDATA_LENGTH", "error", "An axis has the length of its dimension, or one more for edges of bins.", _DATA),
    Code("NXDATA_INDICES", "error", "@AXISNAME_indices names dimensions of the signal, in accord with @axes.", _DATA),
    Code("NXDATA_AUXILIARY", "error", "Auxiliary signals are there and have the shape of the signal.", _DATA),
    Code("NXDATA_ERRORS", _EITHER, "Errors stand beside what they belong to, and have its shape.", _DATA),
    Code("LEGACY", "warning", "Plots are marked in the way of 2014, by attributes of the group.", _DATA),
    Code("DEFAULT_PLOT", _EITHER, "@default leads to an NXdata that has something to show.", _PLOT),
)  # fmt: skip

VALUES: tuple[Code, ...] = (
    Code("NOT_FINITE", _EITHER, "Single numbers and axes are finite.", _DEFINITION),
    Code("IMPLAUSIBLE", "warning", "Wavelengths, energies, exposures, pixels and kelvins are not negative.", "physics"),
    Code("ENERGY_ORDER", "error", "The energies of an axis rise strictly.", _DEFINITION),
    Code("UUID", "error", "A UUID is written in the canonical form.", _UUIDS),
    Code("UUID_TWICE", "error", "No two entries have the same UUID.", _UUIDS),
    Code("URN", "error", "An input entry is named urn:uuid: and its UUID.", _UUIDS),
    Code("CHECKSUM", "error", "A checksum is 64 lower-case hexadecimal digits.", "FIPS 180-4 (SHA-256)"),
    Code("ASSUMED", "warning", "Every value was measured: this one was assumed.", _DEFINITION),
    Code("ASSUMED_MISSING", "error", "Every path that is listed as assumed is there.", _DEFINITION),
    Code("SEQUENCE", "error", "The steps of the history are numbered without a gap.", _CHAIN),
    Code("CHAIN", "error", "Every input of a step is the output of an earlier one, or raw.", _CHAIN),
    Code("INPUT_MISSING", "warning", "With --inputs: every input of the newest step lies in the folder.", _CHAIN),
    Code("INPUT_CHECKSUM", "error", "With --inputs: every input is still what the newest step read.", _CHAIN),
    Code(
        "INPUT_GEOMETRY",
        "error",
        "With --inputs: energy, Stokes vector, rotation, pixel and frames are the input's; "
        "a pixel is lambda z / (N p).",
        _FAR_FIELD,
    ),
)


def codes() -> dict[str, tuple[Code, ...]]:
    """Every code by what it is about: safety, structure, values."""
    rules = tuple(
        Code(rule.code, _EITHER if rule.code in _MILDER else rule.level, rule.sentence, rule.source) for rule in RULES
    )
    return {"Safety": SAFETY, "Structure": STRUCTURE, "Values": (*VALUES, *rules)}
