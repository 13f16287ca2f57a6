"""Write what people read in a package: report, certificate with hash card, and README, in Chinese and English. Pure."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from string import Template
from typing import Final

import segno

from services.custody.note import VerifierKey
from services.custody.package.texts import About, Item, moment

REPORT, CERTIFICATE, README = "report.html", "certificate.html", "README.txt"

STYLE: Final = "papers.css"
_KINDS: Final[Mapping[str, str]] = {
    "original": "原始文件 · the original file",
    "verbatim": "原样片段：逐位复制的完整画面组 · verbatim clip: whole groups of pictures, copied bit for bit",
    "smart": "精确片段：接缝处重新编码，其余逐位复制 · exact clip: seams encoded anew, the rest copied bit for bit",
    "encoded": "精确片段：画面重新编码 · exact clip: pictures encoded anew",
    "still": "静态画面 · still picture",
}
_WITNESSED: Final[Mapping[str, tuple[str, str]]] = {
    "quorum": (
        "足够的独立见证人已签署台账头：{names}",
        "The quorum of outside witnesses signed the head of the log: {names}",
    ),
    "none-in-time": (
        "在规定时间内没有足够的独立见证人应答，因此没有外人为台账头作证（WITNESSED：未检查）",
        "Too few outside witnesses answered in time: nobody outside vouches for the head (WITNESSED: NOT CHECKED)",
    ),
    "no-quorum": (
        "本存档没有设定独立见证人，因此没有外人为台账头作证（WITNESSED：未检查）",
        "This archive asks for no outside witness: nobody outside vouches for the head (WITNESSED: NOT CHECKED)",
    ),
}

_LOST: Final = (
    "录像 {recording}：{count} 条记录的内容在存档恢复后已丢失，其所述无从核对（未检查） · "
    "recording {recording}: the values of {count} entries were lost before a recovery of the archive; "
    "what these entries said is not proven (NOT CHECKED)"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What the papers say of the log: its head, its keys, who signed, and how long each recording's history is.

    `lost` counts the entries of a recording whose values a recovery could not bring back.
    """

    size: int
    root: bytes
    keys: tuple[VerifierKey, ...]
    witnesses: tuple[str, ...]
    entries: tuple[tuple[str, int], ...]
    lost: tuple[tuple[str, int], ...] = ()


def papers(about: About, standing: Standing, copy: int) -> dict[str, bytes]:
    """Give the three papers of one copy by their names."""
    facts = _facts(about, standing, copy)
    prints = "<br>".join(escape(f"{name}  {digest}") for name, digest in _fingerprints(standing.keys))
    return {
        REPORT: _filled(
            REPORT,
            facts=facts,
            items="\n".join(_report_item(item) for item in about.items),
            histories="\n".join(
                _row(f"<span class=mono>{escape(name)}</span>", str(n)) for name, n in standing.entries
            ),
            fingerprints=prints,
        ),
        CERTIFICATE: _filled(
            CERTIFICATE,
            facts=facts,
            tool=escape(f"Huisu {about.version}"),
            card="\n".join(_card_item(item) for item in about.items),
            witnessed=escape(witness_words(about.witnessed, standing.witnesses)),
            fingerprints=prints,
        ),
        README: Template(_template(README))
        .substitute(
            export=about.export,
            copy=copy,
            copies=about.copies,
            fingerprints="\n".join(f"{name}\n  {digest}" for name, digest in _fingerprints(standing.keys)),
        )
        .encode(),
    }


def witness_words(witnessed: str, names: Sequence[str]) -> str:
    """Say in both languages who outside vouches for the head."""
    return " · ".join(words.format(names=", ".join(names)) for words in _WITNESSED[witnessed])


@cache
def _template(name: str) -> str:
    return resources.files("services.custody.package").joinpath(name).read_text(encoding="utf-8")


def _filled(name: str, **parts: str) -> bytes:
    return Template(_template(name)).substitute(style=_template(STYLE), **parts).encode()


def _fingerprints(keys: Iterable[VerifierKey]) -> list[tuple[str, str]]:
    """Print each key's SHA-256 in groups that people can compare."""
    found = []
    for key in keys:
        digest = hashlib.sha256(key.public).hexdigest()
        found.append((key.name, " ".join(digest[at : at + 8] for at in range(0, 64, 8))))
    return found


def _facts(about: About, standing: Standing, copy: int) -> str:
    rows = [
        ("移交包 Package", about.export),
        ("副本 Copy", f"{copy} / {about.copies}"),
        ("接收方 Recipient", about.recipient),
        ("用途 Purpose", about.purpose),
        ("案件 Case", about.case or "—"),
        ("制作时间 Made at", moment(about.made_at)),
        ("台账 Custody log", about.origin),
        ("台账头 Head of the log", f"{standing.size} · {standing.root.hex()}"),
        ("见证 Witnesses", witness_words(about.witnessed, standing.witnesses)),
        *(("丢失 Lost", _LOST.format(recording=name, count=count)) for name, count in standing.lost),
    ]
    return "\n".join(f"<tr><th>{name}</th><td><bdi>{escape(value)}</bdi></td></tr>" for name, value in rows)


def _report_item(item: Item) -> str:
    rows = [
        ("文件 File", item.file),
        ("录像 Recording", f"{item.filename} · {item.recording}"),
        ("种类 Kind", _KINDS[item.made]),
        ("范围（秒） Range (s)", "—" if item.start is None else item.start + (f" – {item.end}" if item.end else "")),
        ("证明 Proof", item.proof or "—"),
        *([("说明 Note", item.proven)] if item.proven else []),
        ("大小（字节） Size (bytes)", str(item.size_bytes)),
        ("SHA-256", item.sha256),
    ]
    told = "".join(f"<tr><th>{name}</th><td class=mono><bdi>{escape(value)}</bdi></td></tr>" for name, value in rows)
    return f'<table class="facts item">{told}<tr><th>QR</th><td>{_qr(item.sha256)}</td></tr></table>'


def _card_item(item: Item) -> str:
    named = f"<td class=mono>{escape(item.file)}<br>{escape(item.sha256)}<br>{item.size_bytes}</td>"
    return f"<table class=item><tr>{named}<td>{_qr(item.sha256)}</td></tr></table>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _qr(text: str) -> str:
    """Draw a QR code as SVG inside the page: nothing is fetched to show it."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", xmldecl=False, svgns=False, border=4, omitsize=True)
    return out.getvalue().decode("ascii").strip()
