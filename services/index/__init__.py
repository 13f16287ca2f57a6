"""Keep the catalogue: what the archive holds, what it belongs to and until when it is kept."""
