"""Make the proofs that the pages' own checks are tried on; what is kept beside those tests is exactly this."""

import json
import random
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from services.custody.checkpoint import Checkpoint
from services.custody.entry import FIRST_PREV, Entry, commit_payload, entry_bytes, leaf_hash, make_fields
from services.custody.note import Note
from services.custody.proof import prove_inclusion
from services.custody.tree import root
from tests.conftest import ROOT
from tests.oversight.proofs import LOG, ORIGIN, make_draw

FOLDER: Final = ROOT / "services" / "web" / "tests" / "proofs"
OBJ: Final = "01900000-0000-7000-8000-000000000001"
AT: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
SAID: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("rec.ingest", {"filename": "现场一.mp4", "size": 12345, "officer": "610123"}),
    ("rec.view.start", {"actor": "李", "reason": "核对“起止”时间 ✓", "role": "reviewer"}),
    ("rec.clip", {"actor": "li", "mode": "exact", "start": "1.5", "end": "2.25"}),
)


def draws() -> dict[str, Any]:
    """Give two draws: one with outside inputs, one that the agency seeded alone."""
    return {
        "outside": make_draw(7, size=120, strata=3).proof,
        "agency": make_draw(8, size=40, strata=2, sources=()).proof,
    }


def history() -> dict[str, Any]:
    """Give a history of three entries, the last with a value that is withheld, and where each stands in a log."""
    chance, prev = random.Random(11), FIRST_PREV
    lines: list[dict[str, Any]] = []
    leaves = [chance.randbytes(32) for _ in range(9)]
    for n, (kind, values) in enumerate(SAID):
        made = make_fields(values, {name: chance.randbytes(16) for name in values})
        commitment = commit_payload({one.name: one.commitment for one in made})
        number = f"01900000-0000-7000-8000-00000000001{n}"
        text = entry_bytes(Entry(kind, number, AT + timedelta(minutes=n), OBJ, n, prev, commitment))
        prev = leaf_hash(text)
        fields = [[one.name, b64encode(one.salt).decode(), one.value] for one in made]
        if n == len(SAID) - 1:
            fields[0] = [b64encode(made[0].commitment).decode()]
        lines.append({"entry": text.decode(), "fields": fields, "index": 3 * n + 1})
        leaves[3 * n + 1] = prev
    head = Checkpoint(ORIGIN, len(leaves), root(leaves))
    note = Note(head.body, (LOG.sign(head.body),)).content.decode()
    proofs = [
        {
            "index": line["index"],
            "size": len(leaves),
            "root": head.root.hex(),
            "hashes": [
                one.hex()
                for one in prove_inclusion(lambda start, end: root(leaves[start:end]), line["index"], len(leaves))
            ],
            "checkpoint": note,
        }
        for line in lines
    ]
    return {"obj": OBJ, "key": LOG.verifier.vkey, "lines": lines, "proofs": proofs}


KEPT: Final = {"draws.json": draws, "history.json": history}


def as_text(told: dict[str, Any]) -> str:
    """Write a document as it is kept."""
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def keep(folder: Path = FOLDER) -> None:
    """Write the documents anew; for whoever changed what a draw or an entry looks like."""
    for name, make in KEPT.items():
        (folder / name).write_text(as_text(make()), "utf-8")
