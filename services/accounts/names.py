"""Check the names and numbers that people give to accounts, units and devices."""

import unicodedata

from services.errors import Invalid


def check_name(text: str, what: str, longest: int = 100) -> str:
    """
    Give a name in its one form: trimmed, composed, without control characters.

    Raises:
        Invalid: empty, too long, or with characters that cannot be shown.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise Invalid(f"a {what} may not be empty")
    if len(name) > longest:
        raise Invalid(f"a {what} has at most {longest} characters, this one {len(name)}")
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in name):
        raise Invalid(f"a {what} has no control characters: {name!r}")
    return name


def check_number(text: str, what: str, longest: int = 64) -> str:
    """Give a number as it stands in addresses: a name without `/`, not ending in `:batch`. Raises `Invalid`."""
    number = check_name(text, f"{what} number", longest)
    if "/" in number or number.endswith(":batch"):
        raise Invalid(f"a {what} number has no '/' and does not end in ':batch': {number!r}")
    return number
