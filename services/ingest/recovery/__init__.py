"""Bring an archive forward whose database was set back: its log, then its footage, then the list of what is lost."""
