"""Turn file names of any origin into text that may be sent, and into text that is safe on a screen."""

import unicodedata
from pathlib import Path

_BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
"""They can show a name in another order than it has. Source: Unicode Standard Annex 9, table 3-4."""


def as_text(name: str) -> str:
    """
    Give a name from the file system as real text.

    Names that are not UTF-8 reach Python with surrogates; cameras and cards of our field then most often
    wrote GB 18030. What is neither keeps its readable part.
    """
    if name.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in name):
        return name
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def shown(path: Path | str) -> str:
    """Give a path as one line for a screen: control and direction signs are written as escapes."""
    return "".join(
        sign if unicodedata.category(sign) != "Cc" and sign not in _BIDI_CONTROLS else f"\\u{ord(sign):04x}"
        for sign in as_text(str(path))
    )
