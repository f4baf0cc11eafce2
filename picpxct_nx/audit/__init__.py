"""Whether a scan's geometry conventions are right, found by short reconstructions and by physics."""
