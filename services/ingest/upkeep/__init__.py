"""Keep what was taken in as it was: read it again, and repair it from a copy that two persons answer for."""
