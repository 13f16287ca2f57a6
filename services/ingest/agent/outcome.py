"""Say how each file ended."""

from dataclasses import dataclass
from pathlib import Path

from services.ingest.agent.names import shown

VERIFIED = "verified"
REFUSED = "refused"
"""The archive, or a change of the file, ended it for good: asking again changes nothing."""
UNSENT = "unsent"
"""It did not come through this time: unreadable, interrupted, or the archive never answered. Run again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How one file ended: a state of the archive, `refused` or `unsent`; only `verified` is success.

    A state of the archive other than `verified` and `quarantined` means that waiting for it was ended.
    """

    path: Path
    state: str
    reason: str = ""
    sha256: str = ""
    recording: str = ""
    is_duplicate: bool = False

    @property
    def line(self) -> str:
        """One line: state, start of the SHA-256, recording, path, reason."""
        words = [
            f"{self.state:<11}",
            f"{self.sha256[:12] or '-':<12}",
            f"{self.recording or '-':<36}",
            shown(self.path),
        ]
        if self.is_duplicate:
            words.append("(already there)")
        if self.reason:
            words.append(f"— {shown(self.reason)}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Report:
    """Every file's outcome, by path; a file that came again in `--watch` has its latest."""

    outcomes: tuple[Outcome, ...]
    is_interrupted: bool = False

    @property
    def summary(self) -> str:
        """Say in one line how many files came through."""
        verified = sum(outcome.state == VERIFIED for outcome in self.outcomes)
        return f"{verified} of {len(self.outcomes)} verified{', interrupted' if self.is_interrupted else ''}"

    @property
    def is_success(self) -> bool:
        """Every file is verified (with no file at all there is nothing left to do)."""
        return all(outcome.state == VERIFIED for outcome in self.outcomes)
