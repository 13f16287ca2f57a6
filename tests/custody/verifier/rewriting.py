"""Rewrite parts of a package so that they stay what a program can read."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from services.custody.entry import commit_field, commit_payload
from services.media.boxes import walk
from tests.custody.clips import reader
from tests.custody.packages import RECORDINGS, b64, canonical, facts_of


def change(files: dict[str, bytes], name: str, work: Callable[[Any], Any]) -> None:
    """Change the value in a JSON file."""
    told = json.loads(files[name])
    work(told)
    files[name] = canonical(told)


def entries_of(told: Any, kind: str | None = None) -> list[dict[str, Any]]:
    """Give the entries of a history, or those of one kind."""
    return [one for one in told["entries"] if kind is None or json.loads(one["entry"])["t"] == kind]


def recommitted(told: Any, kind: str) -> None:
    """Give the first entry of a kind another first commitment."""
    entries_of(told, kind)[0]["fields"][0] = [b64(bytes(32))]


def clip_with(content: bytes, kind: bytes, at: int) -> bytes:
    """Flip a bit of a clip, so far into a box."""
    box = next(box for box in walk(reader(content), len(content)) if box.kind == kind)
    place = box.body + at
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def export_of(files: dict[str, bytes], n: int) -> None:
    """Forge the entry of the first recording's item so that it fits its file, and all entries behind it."""
    told = json.loads(files[f"history/{RECORDINGS[0]}.json"])
    facts: dict[str, Any] = facts_of(files[next(name for name in files if name.startswith(f"items/{n:03d}"))])
    before = None
    for row in told["entries"]:
        entry = json.loads(row["entry"])
        shown = {one[0]: json.loads(one[2]) for one in row["fields"] if len(one) == 3}
        if entry["t"] == "rec.export" and shown["item"] == n:
            for field in row["fields"]:
                if len(field) == 3 and field[0] in facts:
                    field[2] = json.dumps(facts[field[0]])
        commitments = [
            base64.b64decode(one[0]) if len(one) == 1 else commit_field(one[0], one[2], base64.b64decode(one[1]))
            for one in row["fields"]
        ]
        entry["pc"] = b64(commit_payload({f"{place:04d}": one for place, one in enumerate(commitments)}))
        entry["prev"] = entry["prev"] if before is None else b64(before)
        row["entry"] = json.dumps(entry, separators=(",", ":"))
        before = hashlib.sha256(b"\0" + row["entry"].encode()).digest()
    files[f"history/{RECORDINGS[0]}.json"] = canonical(told)
