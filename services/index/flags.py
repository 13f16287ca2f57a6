"""Set a recording's flags, and keep the text by which lists find them."""

from collections.abc import Sequence
from typing import Any

from services.index.models import Recording


def set_flags(recording: Recording, flags: Sequence[dict[str, Any]]) -> None:
    """Replace a recording's flags (each `{kind, start, end, detail}`); equal ones stand once."""
    unique: list[dict[str, Any]] = []
    for flag in flags:
        if flag not in unique:
            unique.append(flag)
    recording.flags = unique
    kinds = sorted({flag["kind"] for flag in unique})
    recording.flag_kinds = f" {' '.join(kinds)} " if kinds else ""
