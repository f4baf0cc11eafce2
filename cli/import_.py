"""picpxct import: foreign raw data to a valid raw scan."""


def import_() -> None:
    """Import."""
