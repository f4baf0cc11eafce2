"""Foreign file formats, one file each, import and export."""
