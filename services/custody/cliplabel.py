"""Compare what an item says of its place in the recording with what its proof shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.custody.clipcheck import CheckedClip
from services.custody.sidecar import Header
from services.errors import ProofRefused
from services.media.strict import Shown
from services.media.timecode import print_seconds

MOST_OFF: Final = Fraction(1, 10)
"""Seconds by which a label may be off. Ours are not; clips that were encoded anew have times in milliseconds."""

MOST_OFF_SOUND: Final = Fraction(1, 2)
"""As much where a recording has sound alone: it begins inside of a frame, and the longest frame has 0.26 s."""


@dataclass(frozen=True, slots=True)
class Label:
    """Say of an item how it was made, and from when until when it shows the recording: seconds from its beginning."""

    made: str
    start: Fraction
    end: Fraction


def check_label(clip: CheckedClip, label: Label, headers: Sequence[Header]) -> None:
    """
    Check that a clip is of the moment that its label says. `headers` are those of the recording.

    Its second 0 must lie at `start`, nothing may begin at `end` or later, and it must reach to `end`, or to the
    last picture of the recording. Of clips that were encoded anew the latter is not asked: they have their last
    picture for as long as the one before. Where the log does not say when the recording's pictures begin, nothing
    is compared.

    Raises:
        ProofRefused: it is of another moment; the message names both.
    """
    tracks = [one for one in headers if one.samples and one.handler in (b"vide", b"soun")]
    leads = [one for one in tracks if one.handler == b"vide"] or tracks
    said = [_place(clip, label, lead, lead.shown) for lead in leads if lead.shown is not None]
    if said and len(said) == len(leads) and all(said):
        raise ProofRefused(f"its label says {print_seconds(label.start)}-{print_seconds(label.end)}, {said[-1]}")


def _place(clip: CheckedClip, label: Label, lead: Header, shown: Shown) -> str:
    """Say where a clip lies if times count from this track; nothing where that is what its label says."""
    first, past = (Fraction(one + shown.shift, lead.timescale) for one in (shown.first, shown.last))
    most, zero = (MOST_OFF, first) if lead.handler == b"vide" else (MOST_OFF_SOUND, max(first, Fraction(0)))
    moments = [track.moment - zero for track in clip.tracks if track.moment is not None]
    leading = [track for track in clip.tracks if track.handler == b"vide"] or clip.tracks
    last = moments[0] + max(track.last for track in clip.tracks)
    end = moments[0] + max(track.end for track in leading)
    fits = all(abs(moment - label.start) <= most for moment in moments) and last <= label.end + most
    if fits and (label.made == "encoded" or end >= min(label.end, past - zero) - most):
        return ""
    return f"its proof {print_seconds(moments[0])}-{print_seconds(end)}"
