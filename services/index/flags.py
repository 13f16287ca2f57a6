"""Keep a recording's flags: by whom they were found, who dismissed them, and the text by which lists find them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.index.models import Recording
from services.media.facts import Dismissal, Flag

MOST_OF_A_DETECTOR = 50
"""Findings of one kind that are kept by themselves; the rest of a kind is told in one flag, as a stretch."""


def set_flags(recording: Recording, flags: Sequence[dict[str, Any]]) -> None:
    """Replace a recording's flags, as `Flag.to_json` gives them; of the same finding twice the first one stands."""
    unique: dict[str, dict[str, Any]] = {}
    for flag in flags:
        unique.setdefault(Flag.from_json(flag).id, flag)
    recording.flags = list(unique.values())
    kinds = sorted({flag["kind"] for flag in recording.flags})
    recording.flag_kinds = f" {' '.join(kinds)} " if kinds else ""


def add_flag(recording: Recording, flag: Flag) -> bool:
    """Add a flag, unless the recording has it, dismissed or not; says whether it was added."""
    before = len(recording.flags)
    set_flags(recording, [*recording.flags, flag.to_json()])
    return len(recording.flags) > before


def flags_of(recording: Recording) -> list[Flag]:
    """Give a recording's flags, dismissed ones too."""
    return [Flag.from_json(flag) for flag in recording.flags]


def replace_findings(recording: Recording, found: Sequence[Flag], detectors: frozenset[str]) -> None:
    """
    Put what an analysis found in the place of what `detectors` found before; other flags stay.

    A finding that a person dismissed stays dismissed when it is found again, also by a better detector that draws its
    edges a little elsewhere. Nothing that was dismissed is forgotten: found no more, it stands as it was.
    """
    before = flags_of(recording)
    old = [flag for flag in before if flag.detector in detectors]
    dismissed = [flag for flag in old if flag.dismissed is not None]
    new = [_as_answered(flag, dismissed) for flag in bounded(found)]
    gone = [flag for flag in dismissed if not any(flag.is_same_finding(other) for other in new)]
    kept = [flag for flag in before if flag.detector not in detectors]
    set_flags(recording, [flag.to_json() for flag in (*kept, *new, *gone)])


def _as_answered(flag: Flag, dismissed: Sequence[Flag]) -> Flag:
    answered = next((other for other in dismissed if flag.is_same_finding(other)), None)
    return flag if answered is None else replace(flag, dismissed=answered.dismissed)


def bounded(found: Sequence[Flag]) -> list[Flag]:
    """Keep the first of each kind and channel; more than `MOST_OF_A_DETECTOR` are told in one flag."""
    groups: dict[tuple[str, str, str], list[Flag]] = {}
    for flag in found:
        groups.setdefault((flag.kind, flag.detector, flag.channel), []).append(flag)
    kept = []
    for flags in groups.values():
        kept += flags[:MOST_OF_A_DETECTOR]
        if rest := flags[MOST_OF_A_DETECTOR:]:
            kept.append(replace(rest[0], end=rest[-1].end, detail=f"{len(rest)} more in this stretch"))
    return kept


def answer_flag(recording: Recording, flag_id: str, dismissal: Dismissal | None) -> Flag | None:
    """Set or lift the dismissal of one flag; gives it as it is then, None where there is no such flag."""
    flags = flags_of(recording)
    found = next((flag for flag in flags if flag.id == flag_id), None)
    if found is None:
        return None
    answered = replace(found, dismissed=dismissal)
    set_flags(recording, [(answered if flag is found else flag).to_json() for flag in flags])
    return answered
