"""
Check the time-stamps of a package in full, which the programs inside it leave to openssl: for `huisu verify` alone.

Those programs find a stamp that is over no enclosed head. Whose stamp it is, and when it was made, takes certificates.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.custody.package.texts import moment
from services.custody.timestamping import check_stamp
from services.custody.verifier.verify import Package, Report
from services.errors import NoteRefused

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TEXTS: Final = {
    "time-ok": (
        "{file}：时间戳机构于 {at} 见到台账头 {size}，签名和证书链有效",
        "{file}: an authority that leads to the given certificates saw the head of size {size} at {at}",
    ),
    "time-bad": ("{file}：时间戳不成立（{what}）", "{file}: the time-stamp does not hold ({what})"),
}
"""Said beside the texts of the program itself, in Chinese and English."""

_OPEN: Final = "time-open"


def stamps_of(package: Path, roots: "tuple[Certificate, ...]") -> Callable[[Report], None]:
    """Give what judges the stamps of a package that a report left open, by the authorities' root certificates."""

    def judge(report: Report) -> None:
        waiting = [one for one in report.findings if one[2] == _OPEN]
        report.texts |= TEXTS
        opened = Package(str(package))
        heads = _heads(opened) if waiting else {}
        for _, check, _, about in waiting:
            answer, text = opened.whole(about["file"]), heads[about["digest"]]
            try:
                at = moment(check_stamp(answer, text, roots))
            except NoteRefused as error:
                report.say("FAIL", check, "time-bad", file=about["file"], what=str(error))
            else:
                report.say("PASS", check, "time-ok", file=about["file"], at=at, size=text.split(b"\n")[1].decode())
        report.findings = [one for one in report.findings if one[2] != _OPEN]
        report.close()

    return judge


def _heads(package: Package) -> dict[str, bytes]:
    """Give the texts of the heads that the package encloses, by their digests."""
    rows = json.loads(package.whole("log/consistency.json"))["heads"]
    notes = [package.whole("log/checkpoint.txt"), *(row["note"].encode() for row in rows)]
    texts = [note.rpartition(b"\n\n")[0] + b"\n" for note in notes]
    return {hashlib.sha256(text).hexdigest(): text for text in texts}
