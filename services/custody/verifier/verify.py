#!/usr/bin/env python3
"""
Check a Huisu export package, offline: python3 verify.py [PACKAGE] [--policy FILE] [--fingerprint HEX] [--lang zh|en] [--json].

PACKAGE is the folder or the zip file; without it, the folder that this program lies in. Needs Python 3.8 or later and
nothing else: read it before you run it. Exit 0: nothing is wrong; 1: something is, each finding on a line; 2: this is
no package. The format: docs/formats/package.md and essence.md of Huisu. verify.html is an independent second program.
"""

from __future__ import annotations

import argparse, base64, hashlib, itertools, json, locale, os, re, struct, sys, zlib
from collections import namedtuple
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Tuple

BLOCK, SMALL = 1 << 20, 64 << 20  # what is read at once; longest file that is read as a whole
MOST_FILES, MOST_ITEMS, MOST_HEADS, MOST_SAMPLES = 4096, 1024, 256, 1 << 22
COUNT, SIGNED, U32, S32 = range(1 << 53), range(1 - (1 << 53), 1 << 53), range(1 << 32), range(-(1 << 31), 1 << 31)
OPTIONAL = (str, type(None))
CHECKS = ("CONTENTS", "FILE", "ORIGIN", "LOGGED", "WITNESSED", "HISTORY", "CONSISTENT", "TIME", "STRUCTURE")
FIXED = {"package.json", "report.html", "certificate.html", "README.txt", "verify.py", "verify.html"}
FIXED |= {"log/checkpoint.txt", "log/consistency.json", "log/policy.txt", "log/receipts.json"}

class Wrong(Exception):
    def __init__(self, code: str, **about: Any) -> None: self.code, self.about = code, about
class NoPackage(Exception): """There is nothing here that could be checked."""
def need(holds: Any, code: str, **about: Any) -> None:
    if not holds: raise Wrong(code, **about)
# ------------------------------------------------------------------------------------------------------ what is said
TEXTS = {
    "bad-form": ("{file} 不符合格式（{what}）", "{file} is not in the form of the format ({what})"), "bad-signature": ("{file} 中 {name} 的签名是错的", "the signature of {name} in {file} is wrong"),
    "no-signature": ("{file} 没有受信任密钥的签名", "{file} is not signed by any key that is trusted here"), "missing": ("缺少文件 {file}", "the file {file} is missing"), "unlisted": ("{file} 不属于本移交包", "the file {file} does not belong to the package"), "changed": ("文件 {file} 被改动：摘要不符", "the file {file} was changed: its digest is another"),
    "other-size": ("文件 {file} 有 {found} 字节，应为 {wanted}", "the file {file} has {found} bytes, not {wanted}"), "bad-zip": ("压缩包在第 {at} 字节处不是规定的形式", "the zip file is not in its one allowed form at byte {at}"),
    "contents-ok": ("{count} 个文件与签名清单一致", "{count} files are as the signed list says"), "fingerprint-other": ("日志密钥的指纹是 {found}", "the log's key has another fingerprint: {found}"), "no-export-entry": ("{file}：台账中没有对应的导出记录", "{file}: there is no entry of this export for it"), "file-differs": ("{file}：{what} 与台账记录不符", "{file}: {what} is not what its entry says"),
    "file-ok": ("{file}：与导出记录完全一致", "{file}: exactly what the entry of this export says"), "origin-ok": ("{file}：就是入库的原始文件", "{file}: the very file that was taken in"), "origin-not": ("{file}：不是入库的原始文件（{what}）", "{file}: not the file that was taken in ({what})"), "origin-none": ("{file}：全部重新编码，无法逐位证明", "{file}: encoded anew as a whole; nothing of it is proven bit for bit"),
    "origin-frames": ("{file}：画面 {pictures}、声音 {sounds} 与原件逐位相同（帧指纹：第 {n} 条记录，{at}）；未证明（重新编码，或声音的边缘）：{rest}", "{file}: {pictures} pictures and {sounds} units of sound are the original's, bit for bit (by its frame fingerprint, entry {n}, {at}); not proven (encoded anew, or edges of sound): {rest}"),
    "origin-less": ("{file}：应全部与原件逐位相同，但这些不是：{rest}", "{file}: all of it should be the original's bit for bit, but not: {rest}"), "origin-elsewhere": ("{file}：标注为录像的第 {label} 秒，按证明却是第 {proven} 秒", "{file}: its label says {label} s of the recording, its proof {proven} s"), "origin-unplaced": ("{file}：标注为录像的第 {label} 秒；台账没有说明原件从何时开始，因此未能核对", "{file}: its label says {label} s of the recording; the log does not say when its original begins, so nothing could be compared"),
    "origin-rebuilt": ("{file}：首条记录的内容已丢失，“原件”是指第 {n} 条记录（rec.rebuild，恢复后重建）所述的文件；它是否就是最初入库的文件，未被证明", "{file}: the values of the first entry are lost: its original is the file that entry {n} (rec.rebuild, after a recovery) names; that this is the file first taken in is not proven"),
    "origin-still": ("{file}：由原件第 {track} 轨 {at} 秒处的编码帧解码而来；该帧确在原件中（帧指纹：第 {n} 条记录，{ts}），解码本身未作证明", "{file}: its coded frame, at {at} s of track {track}, is in the original (by its frame fingerprint, entry {n}, {ts}); that it was decoded from it is not proven"),
    "origin-unproven": ("{file}：缺少逐帧证明", "{file}: the proof of its frames is missing"), "origin-wrong": ("{file}：第 {track} 轨不是原件的（{what}）", "{file}: track {track} is not the original's ({what})"), "origin-root": ("{file}：证明与台账中的帧指纹不符", "{file}: the proof does not lead to the frame fingerprint in the log"), "essence-none": ("{file}：历史中没有该录像的帧指纹", "{file}: the history shows no frame fingerprint of its recording"),
    "origin-apart": ("{file}：声音与画面的相对位置和原件相差 {apart} 秒", "{file}: its tracks lie {apart} s otherwise to each other than in the original"), "origin-hidden": ("{file}：剪辑表隐藏了原件中可见的 {count} 幅画面", "{file}: its edit list hides {count} pictures that the original shows"),
    "essence-hidden": ("{file}：第 {n} 条记录隐去了帧指纹的内容", "{file}: entry {n}, of its frame fingerprint, does not disclose what it must"), "essence-two": ("{file}：第 {n} 条与第 {other} 条记录的帧指纹不同", "{file}: entries {n} and {other} name two different frame fingerprints"),
    "essence-other": ("{file}：第 {n} 条记录的帧指纹属于另一份文件，而非入库的原件", "{file}: the frame fingerprint of entry {n} is of another file than the one taken in"), "essence-lost": ("{file}：更早的帧指纹（第 {other} 条记录）的内容已丢失，第 {n} 条是后来的", "{file}: what an earlier frame fingerprint said (entry {other}) is lost; that of entry {n} is a later one"),
    "structure-ok": ("{file}：结构简单，任何播放器读到的都一样", "{file}: every player finds the same samples in it"), "structure-bad": ("{file}：可能被不同播放器读成不同内容（{what}）", "{file}: players may find different things in it ({what})"), "structure-as-is": ("{file}：按原样给出，不要求结构", "{file}: given as it is, whatever its structure"), "not-in-log": ("录像 {recording} 的第 {n} 条记录不在台账中", "entry {n} of recording {recording} is not in the log"),
    "logged-ok": ("{count} 条记录都在大小为 {size} 的台账中", "{count} entries are in the log of size {size}"), "quorum-none": ("策略未要求见证人，因此没有独立见证", "the policy asks for no witness, so nobody else vouches for the log"),
    "quorum-missing": ("见证人不足，缺少 {missing}", "too few witnesses signed the head of the log; missing: {missing}"), "quorum-late": ("存档称在规定时间内没有足够的见证人应答，因此没有独立见证（缺少 {missing}）", "the archive says that too few witnesses answered in time, so nobody else vouches for the log (missing: {missing})"),
    "witnessed-ok": ("{names} 已见证台账（最早 {at}）", "seen and signed by {names} (first at {at})"), "no-later-than": ("录像 {recording} 最迟在 {at} 已存在（由 {names} 见证）", "recording {recording} existed no later than {at}, says {names}"),
    "chain-gap": ("录像 {recording} 的历史在第 {n} 条处中断", "the history of {recording} breaks at entry {n}"), "chain-end": ("录像 {recording} 的历史不是以本次导出结束", "the history of {recording} does not end with this export"), "payload-bad": ("录像 {recording} 第 {n} 条的内容与其承诺不符", "the values of entry {n} of {recording} are not what it commits to"),
    "history-lost": ("录像 {recording}：{count} 条记录，无缺失；但第 {lost} 条的内容已丢失，其所述无从核对", "recording {recording}: {count} entries, none left out; but the values of entries {lost} are lost, so what these said is not proven"),
    "history-ok": ("录像 {recording}：{count} 条记录，无缺失", "recording {recording}: {count} entries, none left out"), "consistent-bad": ("大小为 {size} 的较早台账不是当前台账的开头", "the earlier log of size {size} is no beginning of the log"), "consistent-ok": ("{count} 个较早的台账都是当前台账的开头", "{count} earlier states of the log are beginnings of it"), "time-none": ("未附时间戳", "no time-stamp is enclosed"),
    "time-open": ("{file}：含有相应台账头的摘要；由谁、何时盖章，请用时间戳机构的根证书核对：openssl ts -verify -digest {digest} -in {file} -CAfile ROOTS.pem", "{file}: it has the digest of its head of the log; who stamped it, and when, is checked with the authority's root certificates: openssl ts -verify -digest {digest} -in {file} -CAfile ROOTS.pem"),
    "time-other": ("{file}：不是所附台账头的时间戳", "{file}: it is no time-stamp of a head of the log that is enclosed"), "skipped": ("因别处的错误而未检查", "not checked, because of what is wrong elsewhere"), "broken": ("检查程序在此中断：{what}", "the program broke here: {what}"),
}  # fmt: skip
WORDS = {
    "PASS": ("通过", "PASS"), "FAIL": ("不通过", "FAIL"), "NOT CHECKED": ("未检查", "NOT CHECKED"), "CONTENTS": ("清单", "CONTENTS"),
    "FILE": ("文件", "FILE"), "ORIGIN": ("来源", "ORIGIN"), "LOGGED": ("入账", "LOGGED"), "WITNESSED": ("见证", "WITNESSED"),
    "HISTORY": ("历史", "HISTORY"), "CONSISTENT": ("一致", "CONSISTENT"), "TIME": ("时间", "TIME"), "STRUCTURE": ("结构", "STRUCTURE"), "log": ("台账", "log"), "witness": ("见证人", "witness"),
    "keys": ("所信任的密钥（SHA-256 指纹）：", "Keys that were trusted (SHA-256 fingerprints):"),
    "inside": ("密钥来自移交包自身：这本身不能证明什么，请与别处公布的指纹核对，或用 --policy、--fingerprint。", "The keys are from the package itself, which proves nothing: compare them with those printed elsewhere, or use --policy or --fingerprint."),
    "outside": ("密钥来自 {file}。", "The keys are from {file}."), "printed": ("台账密钥与给出的指纹一致。", "The log's key is the one with the fingerprint that was given."),
    "open": ("以下各点未被证明：|摄像机如实拍下了所发生的事|文件到达之前未被改动|没有录像被扣留不交|账号背后究竟是谁|重新编码的画面与原件相像|report.html、certificate.html、package.json 中不属于台账记录的内容（如文件原名、制作时间）|台账给所有人看的是同一部历史（请比对两个移交包，或询问见证人）", "What is not proven:|that the camera saw what happened|that nothing was done to a file before it arrived|that no recording was withheld|who sat behind an account|that frames encoded anew look like the original's|what report.html, certificate.html and package.json say beyond the entries of the log, such as names of files and when it was made|that the log shows everybody the same history: compare two packages, or ask a witness"),
    "good": ("结论：没有发现错误。", "Result: nothing is wrong."), "wrong": ("结论：有 {count} 处错误，见“不通过”各行。", "Result: {count} things are wrong; see the lines that say FAIL."), "none": ("这不是移交包：{what}", "This is no package: {what}"),
}  # fmt: skip
class Report:
    def __init__(self) -> None:
        self.findings, self.keys, self.texts = [], [], dict(TEXTS)  # type: List[Tuple[str, str, str, Dict[str, Any]]], List[Tuple[str, str, str]], Dict[str, Any]
    def say(self, verdict: str, check: str, code: str, **about: Any) -> None: self.findings.append((verdict, check, code, about))
    def attempt(self, check: str, work: Callable[..., Any], *told: Any, **about: Any) -> Any:
        try: return work(*told)
        except Wrong as wrong: self.say("FAIL", check, wrong.code, **{**about, **wrong.about})
        return None
    def failed(self, *checks: str) -> int: return sum(one[0] == "FAIL" and (not checks or one[1] in checks) for one in self.findings)
    def close(self) -> None:
        for check in set(CHECKS) - {one[1] for one in self.findings}: self.say("NOT CHECKED", check, "skipped")
        self.findings.sort(key=lambda one: CHECKS.index(one[1]))
# ---------------------------------------------------------------------------------------------------- bytes and JSON
def sha256(content: bytes) -> bytes: return hashlib.sha256(content).digest()
def unbase64(text: Any, file: str, length: int | None = None) -> bytes:
    try: found = base64.b64decode(text, validate=True)
    except (ValueError, TypeError): found = b"?"
    need(base64.b64encode(found).decode() == text and length in (None, len(found)), "bad-form", file=file, what="base64")
    return found
def hashes(rows: List[Any], file: str) -> List[bytes]:
    need(len(rows) <= 128, "bad-form", file=file, what="base64")  # twice the height of any tree here
    return [unbase64(one, file, 32) for one in rows]
def integer(text: str) -> int:
    if len(text) > 17 or int(text) not in SIGNED: raise ValueError(text)
    return int(text)
def read_json(content: bytes, file: str, end: str = "\n") -> Any:  # read JSON in its one form
    value, text = None, content.decode("latin-1")
    try:
        value = json.loads(text, parse_float=integer, parse_constant=integer, parse_int=integer)
        value_text(value).encode()  # no lone surrogates
    except (ValueError, RecursionError): text = ""
    need(text == json.dumps(value, separators=(",", ":")) + end, "bad-form", file=file, what="JSON")
    return value
def value_text(value: Any) -> str: return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # as entries commit to it
def fields(value: Any, file: str, /, **kinds: Any) -> List[Any]:  # give an object's values in this order; it must have these names, no others, and values of these kinds
    need(isinstance(value, dict) and set(value) == set(kinds), "bad-form", file=file, what=", ".join(sorted(kinds)))
    for name, kind in kinds.items():
        good = type(value[name]) is int and value[name] in kind if isinstance(kind, range) else isinstance(value[name], kind)
        need(good, "bad-form", file=file, what=name)
    return [value[name] for name in kinds]
def record(value: Any, file: str, kinds: Dict[str, Any]) -> Any: return SimpleNamespace(**dict(zip(kinds, fields(value, file, **kinds))))
# ------------------------------------------------------------------------------------------------ the package's files
class Package:  # the files of a folder or zip file: of each, where its bytes lie; of a zip file's, the CRC-32 it claims
    def __init__(self, path: str) -> None:
        self.places, self.crcs, self.bad_at = {}, {}, None  # type: Dict[str, Tuple[str, int, int]], Dict[str, int], int | None
        if os.path.isdir(path): self._read_folder(path)
        elif os.path.isfile(path): self._read_zip(path, os.path.getsize(path))
        if "contents.txt" not in self.places and self.bad_at is None: raise NoPackage(path)
    def _read_folder(self, path: str) -> None:
        for at, folders, files in os.walk(path):
            for name in files + [one for one in folders if os.path.islink(os.path.join(at, one))]:
                whole = os.path.join(at, name)
                self.places[os.path.relpath(whole, path).replace(os.sep, "/")] = (whole, 0, os.path.getsize(whole) if os.path.isfile(whole) else -1)
                if len(self.places) > MOST_FILES: raise NoPackage(path)
    def _read_zip(self, path: str, end: int) -> None:
        at, before, central = 0, b"", []  # type: int, bytes, List[bytes]
        with open(path, "rb") as file:
            while file.read(4) == b"PK\3\4":
                crc, length = struct.unpack("<10xI8xH2x", file.read(26).ljust(26))
                raw, extra = file.read(length), file.read(20)
                size, name, start = int.from_bytes(extra[4:12], "little"), raw.decode("latin-1"), at + 50 + length
                file.seek(at)
                good = file.read(50 + length) == zip_local(raw, crc, size) and start + size <= end
                if not good or before >= raw or (at == 0) != (name == "contents.txt") or len(central) >= MOST_FILES:
                    self.bad_at = at
                    break
                self.places[name], self.crcs[name] = (path, start, size), crc
                central.append(zip_central(raw, crc, size, at))
                before, at = (raw if at else b""), start + size
                file.seek(at)
            file.seek(at)
            rest = zip_end(central, at)
            if central and self.bad_at is None and file.read(len(rest) + 1) != rest: self.bad_at = at
    def blocks(self, name: str) -> Iterator[bytes]:
        size = self.places[name][2]
        for at in range(0, size, BLOCK): yield self.read(name, at, min(BLOCK, size - at))
    def read(self, name: str, start: int, length: int) -> bytes:
        path, begin, _ = self.places[name]
        with open(path, "rb") as file:
            file.seek(begin + start)
            return file.read(length)
    def whole(self, name: str) -> bytes:
        need(name in self.places, "missing", file=name)
        need(self.places[name][2] <= SMALL, "other-size", file=name, found=self.places[name][2], wanted=SMALL)
        return b"".join(self.blocks(name))
def zip_local(name: bytes, crc: int, size: int) -> bytes:
    return struct.pack("<4s5HI8s2H", b"PK\3\4", 45, 0x800, 0, 0, 0x21, crc, b"\xff" * 8, len(name), 20) + name + struct.pack("<HHQQ", 1, 16, size, size)
def zip_central(name: bytes, crc: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s6HI8s2H", b"PK\1\2", 45, 45, 0x800, 0, 0, 0x21, crc, b"\xff" * 8, len(name), 28) + bytes(10) + b"\xff" * 4 + name + struct.pack("<HHQQQ", 1, 24, size, size, offset)
def zip_end(central: List[bytes], offset: int) -> bytes:
    count, size = len(central), sum(map(len, central))
    wide = struct.pack("<4sQHHIIQQQQ4sIQI", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset, b"PK\6\7", 0, offset + size, 1)
    return b"".join(central) + wide + b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2)
# --------------------------------------------------------------------------------------------------- trees (RFC 6962)
def node(left: bytes, right: bytes) -> bytes: return sha256(b"\x01" + left + right)
def split(size: int) -> int: return 1 << (size - 1).bit_length() - 1  # the largest power of two below the size
def tree_root(leaves: List[bytes]) -> bytes:
    if len(leaves) < 2: return leaves[0] if leaves else sha256(b"")
    left = split(len(leaves))
    return node(tree_root(leaves[:left]), tree_root(leaves[left:]))
PAD = [b""] * 128  # below a proof's hashes: whoever takes one of these had too few
def included(leaf: bytes, index: int, size: int, path: List[bytes], root: bytes) -> bool:  # check an inclusion proof (RFC 6962 section 2.1.1)
    rest = PAD + path
    def climb(at: int, width: int) -> bytes:
        if width == 1: return leaf
        left, other = split(width), rest.pop()
        return node(climb(at, left), other) if at < left else node(other, climb(at - left, width - left))
    return index < size and climb(index, size) == root and len(rest) == len(PAD)
def consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: List[bytes]) -> bool:  # RFC 6962 section 2.1.2; nothing is consistent with an empty tree
    rest = PAD + path
    def climb(low: int, width: int, is_left: bool) -> Tuple[bytes, bytes]:
        if low == width: return (old_root if is_left else rest.pop(),) * 2
        left, other = split(width), rest.pop()
        first, second = climb(low, left, is_left) if low <= left else climb(low - left, width - left, False)
        return (first, node(second, other)) if low <= left else (node(other, first), node(other, second))
    return 0 < old <= new and climb(old, new, True) == (old_root, new_root) and len(rest) == len(PAD)
def range_root(leaves: List[bytes], start: int, size: int, proof: List[bytes]) -> bytes | None:  # None where the proof is too short or too long (essence.md)
    end, rest = start + len(leaves), PAD + proof[::-1]
    def over(low: int, high: int) -> bytes:
        if high <= start or end <= low: return rest.pop()
        if high - low == 1: return leaves[low - start]
        left = over(low, low + split(high - low))
        return node(left, over(low + split(high - low), high))
    found = over(0, size) if start < end <= size else None
    return found if len(rest) == len(PAD) else None
# -------------------------------------------------------------------------------------------------- Ed25519 (RFC 8032)
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]
def point(content: bytes) -> Point | None:  # decode a point in its one form; None for anything else
    y = int.from_bytes(content, "little")
    odd, y = y >> 255, y & ((1 << 255) - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u: x = x * ROOT % P
    if y >= P or v * x * x % P != u or (x == 0 and odd): return None
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P
def add(one: Point, two: Point) -> Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * D * one[3] * two[3] % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P
def multiply(number: int, one: Point) -> Point:
    found = (0, 1, 1, 0)
    while number:
        if number & 1: found = add(found, one)
        one, number = add(one, one), number >> 1
    return found
BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)
def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:  # say whether a signature is good: no cofactor, s below the order, every point in its one form
    key, number = point(public), int.from_bytes(signature[32:], "little")
    if key is None or number >= ORDER or len(public) != 32 or len(signature) != 64: return False
    scale = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = add(multiply(number, BASE), multiply(scale, (P - key[0], key[1], 1, P - key[3])))
    x, y = (one * pow(z, P - 2, P) % P for one in (x, y))
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]
# ----------------------------------------------------------------------------------- signed notes, heads, policy (C2SP)
Key: Any = namedtuple("Key", "name short kind public")  # 4 bytes that name it in signature lines; 1 is a log's, 4 a witness's
Head: Any = namedtuple("Head", "size root origin seen digest")  # a checked checkpoint; seen: when each witness of the policy saw it
def read_key(text: str, kind: int) -> Key:
    name, short, encoded = text.split("+", 2)
    content = unbase64(encoded, "", 33)
    if not name or content[0] != kind or sha256(name.encode() + b"\n" + content)[:4].hex() != short: raise ValueError(text)
    return Key(name, bytes.fromhex(short), kind, content[1:])
class Policy:  # logs, witnesses and the quorum of a policy file (C2SP tlog-policy)
    def __init__(self, content: bytes, file: str) -> None:
        self.logs, self.witnesses, self.groups = [], {}, {}  # type: List[Any], Dict[str, Any], Dict[str, Tuple[int, List[str]]]
        self.quorum, number, lines = "", 0, [""]
        try:
            lines = content.decode().split("\n")
            for number, line in enumerate(lines, 1):
                words = re.split("[ \t]+", line.strip(" \t"))
                good = not words[0] or words[0][0] == "#" or self._take(words[0], words[1:])
                need(good and not re.search("[\x00-\x08\x0b-\x1f\x7f]", line), "bad-form")
            need(self.quorum and not lines[-1] and max(len(self.witnesses), len(self.groups)) <= 256, "bad-form")
        except (Wrong, ValueError) as error: raise Wrong("bad-form", file=file, what=str(number)) from error
        self.every = self.logs  # a printed fingerprint chooses one of them; earlier heads may be another's
    def _take(self, kind: str, rest: List[str]) -> bool:
        names = {"none", *self.witnesses, *self.groups}
        if kind == "log" and 1 <= len(rest) <= 2:
            self.logs.append(read_key(rest[0], 1))
            return len({one.public for one in self.logs}) == len(self.logs) <= 32
        if kind == "witness" and 2 <= len(rest) <= 3:
            self.witnesses[rest[0]] = read_key(rest[1], 4)
            return rest[0] not in names and len({one.public for one in self.witnesses.values()}) == len(self.witnesses)
        if kind == "group" and len(rest) >= 3:
            name, least, members = rest[0], rest[1], rest[2:]
            used = [one for _, group in self.groups.values() for one in group] + members
            count = {"any": 1, "all": len(members)}.get(least) or int(re.sub("^(?![1-9][0-9]{0,3}$).*$", "0", least, flags=re.S))
            self.groups[name] = (count, members)
            known = names >= set(members) and "none" not in members
            return name not in names and known and len(set(used)) == len(used) and 1 <= count <= len(members)
        quorum, self.quorum = self.quorum, rest[0] if rest else ""
        return kind == "quorum" and len(rest) == 1 and not quorum and rest[0] in names
    def judge(self, seen: Dict[str, int]) -> Tuple[bool, List[str]]:
        holds, counting = {name: name in seen for name in self.witnesses}, [self.quorum]
        for name, (count, members) in self.groups.items(): holds[name] = sum(holds[one] for one in members) >= count
        for name in counting: counting += self.groups[name][1] if name in self.groups else []
        return holds[self.quorum], [name for name in counting if name in self.witnesses and name not in seen]
    def dated(self, seen: Dict[str, int]) -> Tuple[bool, int, List[str]]:  # since when a quorum has seen it (else, which counts less, any witness), and who
        for time in sorted(seen.values()):
            early = {name: one for name, one in seen.items() if one <= time}
            if self.quorum != "none" and self.judge(early)[0]: return False, time, sorted(early)
        return True, *min((time, [name]) for name, time in seen.items())
def open_note(content: bytes, keys: List[Key], file: str) -> Tuple[str, List[Tuple[Key, int]], int]:
    text = content.decode("utf-8", "replace")
    cut = text.rfind("\n\n")
    good = text.encode() == content and cut >= 0 and not re.search("[\x00-\x09\x0b-\x1f]", text) and text[-1] == "\n"
    need(good, "bad-form", file=file, what="note")
    body, lines, found = text[: cut + 1], text[cut + 2 : -1].split("\n"), []
    for line in lines:
        parts = re.fullmatch("\u2014 ([^ +]+) ([^ ]+)", line)
        need(parts and len(lines) <= 100, "bad-form", file=file, what="signature")
        name, signature = parts[1], unbase64(parts[2], file)  # type: ignore[index]
        need(len(signature) > 4, "bad-form", file=file, what="signature")
        found += [(key, signed_at(key, body.encode(), signature[4:], file)) for key in keys if key[:2] == (name, signature[:4])]
    need(found, "no-signature", file=file)
    return body, found, len(lines)
def signed_at(key: Key, body: bytes, signature: bytes, file: str) -> int:  # check one signature; gives the time that a witness states, in seconds since 1970, else 0
    time = 0
    if key.kind == 4:
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        body = b"cosignature/v1\ntime %d\n" % time + body
    need(time < 253402300800 and ed25519(key.public, body, signature), "bad-signature", file=file, name=key.name)  # year 10000
    return time
def open_head(content: bytes, logs: List[Key], policy: Policy, file: str) -> Head:
    body, found, _ = open_note(content, logs + list(policy.witnesses.values()), file)
    lines = body.split("\n")
    need(len(lines) == 4 and re.fullmatch("0|[1-9][0-9]{0,14}", lines[1]), "bad-form", file=file, what="checkpoint")
    root = unbase64(lines[2], file, 32)
    need(any(key.kind == 1 and key.name == lines[0] for key, _ in found), "no-signature", file=file)
    names = {key: name for name, key in policy.witnesses.items()}
    seen = {names[key]: time for key, time in sorted(found, key=lambda one: -one[1]) if key in names}
    return Head(int(lines[1]), root, lines[0], seen, sha256(body.encode()))
def moment(seconds: int) -> str: return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat() + "Z"
# ---------------------------------------------------------------------------------------------------- the list of files
Print: Any = namedtuple("Print", "size sha256 crc chunk_root")
Listed: Any = namedtuple("Listed", "export copy copies files")  # what contents.txt says; files: {path: (digest, size)}
def read_contents(content: bytes, policy: Policy) -> Listed:
    body, _, signatures = open_note(content, policy.logs, "contents.txt")
    lines, files, before = body.split("\n")[:-1], {}, ""
    copy = re.fullmatch("([1-9][0-9]{0,3}) of ([1-9][0-9]{0,3})", lines[2] if len(lines) > 2 else "")
    good, file = signatures == 1 and copy and lines[0] == "huisu/package/v1" and len(lines) <= MOST_FILES + 3, "contents.txt"
    need(good, "bad-form", file=file, what="1-3")
    for number, line in enumerate(lines[3:], 4):
        parts = re.fullmatch("([0-9a-f]{64}) (0|[1-9][0-9]{0,14}) ([A-Za-z0-9][A-Za-z0-9._/-]{0,199})", line)
        need(parts and ".." not in parts[3] and before < parts[3] != file, "bad-form", file=file, what=str(number))
        digest, size, before = parts.groups()  # type: ignore[union-attr]
        files[before] = (bytes.fromhex(digest), int(size))
    return Listed(lines[1], int(copy[1]), int(copy[2]), files)  # type: ignore[index]
def take_print(package: Package, name: str) -> Print:  # read a file once; its chunk tree has pieces of 2^20 bytes: a block each
    digest, crc, size, leaves = hashlib.sha256(), 0, 0, []
    for block in package.blocks(name):
        digest.update(block)
        crc, size = zlib.crc32(block, crc), size + len(block)
        leaves += [sha256(b"\0" + block)] if block else []
    return Print(size, digest.digest(), crc, tree_root(leaves))
def check_contents(package: Package, listed: Listed, report: Report) -> Dict[str, Print]:
    prints = {}
    for name in set(package.places) - set(listed.files) - {"contents.txt"}: report.say("FAIL", "CONTENTS", "unlisted", file=name)
    for name, (digest, size) in listed.files.items():
        if name in package.places: found = prints[name] = take_print(package, name)
        if name not in package.places: report.say("FAIL", "CONTENTS", "missing", file=name)
        elif found.size != size: report.say("FAIL", "CONTENTS", "other-size", file=name, found=found.size, wanted=size)
        elif found.sha256 != digest: report.say("FAIL", "CONTENTS", "changed", file=name)
        elif package.crcs.get(name, found.crc) != found.crc: report.say("FAIL", "CONTENTS", "bad-zip", at=package.places[name][1])
    need(package.crcs.get("contents.txt") in (None, zlib.crc32(package.whole("contents.txt"))), "bad-zip", at=0)
    return prints
# ----------------------------------------------------------------------------------------------- entries and histories
class Entry:  # of a history, with its place in the log and the values it discloses, as their JSON texts
    def __init__(self, told: Any, file: str, head: Any) -> None:
        self.index, text, path, shown = fields(told, file, index=COUNT, entry=str, path=list, fields=(list, type(None)))
        raw = read_json(text.encode(), file, "")
        kinds = {"v": range(1, 2), "t": str, "id": str, "ts": str, "obj": str, "n": COUNT, "prev": str, "pc": str}
        _, self.kind, _, self.at, self.obj, self.n, prev, pc = fields(raw, file, **kinds)
        self.leaf, self.prev, hashed = sha256(b"\0" + text.encode()), unbase64(prev, file, 32), hashes(path, file)
        self.is_logged = head and included(self.leaf, self.index, head.size, hashed, head.root)
        self.is_lost, rows = shown is None, shown or []  # a recovery brings entries back, not their values
        need(list(raw) == list(kinds) and len(rows) < 65536, "bad-form", file=file, what="entry")
        self.values: Dict[str, str] = {}
        payload = b"huisu/payload/v1\n" + struct.pack(">H", len(rows)) + b"".join(self._commitment(row, file) for row in rows)
        self.payload_holds = (sha256(payload) == unbase64(pc, file, 32)) or self.is_lost
    def _commitment(self, row: Any, file: str) -> bytes:
        good = isinstance(row, list) and all(isinstance(one, str) for one in row) and len(row) in (1, 3)
        need(good and row[0] not in self.values, "bad-form", file=file, what="fields")
        if len(row) == 1: return unbase64(row[0], file, 32)
        name, salt, value = row[0].encode(), unbase64(row[1], file, 16), row[2].encode()
        need(len(name) < 65536, "bad-form", file=file, what="fields")
        self.values[row[0]] = row[2]
        return sha256(b"huisu/field/v1\n" + salt + struct.pack(">H", len(name)) + name + struct.pack(">I", len(value)) + value)
def parts_of(package: Package, name: str) -> List[str]:  # a long history goes on in ID.2.json, ID.3.json …
    more = ("%s.%d.json" % (name[:-5], n) for n in range(2, MOST_FILES))
    return [name, *itertools.takewhile(package.places.__contains__, more)]
def read_history(package: Package, recording: str, first: str, head: Head | None) -> List[Entry]:
    entries: List[Entry] = []
    for name in parts_of(package, first):
        told = fields(read_json(package.whole(name), name), name, recording=str, size=COUNT, entries=list)
        need(told[0] == recording and (not head or told[1] == head.size), "bad-form", file=name, what="recording")
        entries += [Entry(one, name, head) for one in told[2]]
    return entries
def ranges(numbers: List[int]) -> str:  # write rising numbers shortly: 0-3, 7
    known = set(numbers)
    starts, ends = ([n for n in numbers if n + step not in known] for step in (-1, 1))
    return ", ".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in zip(starts, ends))
def is_of(entry: Entry, export: str) -> bool: return entry.kind == "rec.export" and entry.values.get("export") == value_text(export)
def arrival_of(entries: List[Entry]) -> Entry | None:  # give the entry that says what was taken in: the first or, if its values are lost, the first `rec.rebuild` that has some
    if not entries or not entries[0].is_lost: return entries[0] if entries else None
    return next((one for one in entries if one.kind == "rec.rebuild" and not one.is_lost), None)
def check_history(recording: str, entries: List[Entry], export: str) -> None:
    before = bytes(32)
    for n, entry in enumerate(entries):
        need((entry.obj, entry.n, entry.prev) == (recording, n, before), "chain-gap", recording=recording, n=n)
        need(entry.payload_holds, "payload-bad", recording=recording, n=n)
        before = entry.leaf
    need(entries and entries[0].kind == "rec.ingest", "chain-gap", recording=recording, n=0)
    need(is_of(entries[-1], export), "chain-end", recording=recording)
def check_logged(recording: str, entries: List[Entry]) -> None:
    for n, (before, entry) in enumerate(zip([-1] + [one.index for one in entries], entries)): need(entry.is_logged and before < entry.index, "not-in-log", recording=recording, n=n)
Essence: Any = namedtuple("Essence", "root n at tracks is_later")  # tracks: with shown [first, last, shift] in ticks, or None
def essence_of(entries: List[Entry], arrival: Entry | None, file: str, report: Report) -> Any:  # the frame fingerprint that counts: the first of its version; none may contradict it
    every = [one for one in entries if one.kind == "rec.essence"]
    told = [one for one in every if not one.is_lost and one.values.get("version", "1") == "1"]
    for one in told:
        root, first = one.values.get("essence_root", "null"), told[0]
        need(root != "null" or "reason" in one.values, "essence-hidden", n=one.n)
        need(root == first.values.get("essence_root", "null"), "essence-two", n=first.n, other=one.n)
        need(arrival and one.values.get("sha256") == arrival.values.get("sha256"), "essence-other", n=one.n)
    if not told or told[0].values.get("essence_root", "null") == "null": return None
    first, tracks = told[0], read_json(told[0].values.get("tracks", "null").encode(), file, "")
    need(isinstance(tracks, list), "essence-hidden", n=first.n)
    tracks = [record(one, file, {"handler": str, "timescale": U32, "n": COUNT, "root": str, "shown": (list, type(None))}) for one in tracks]
    good = all(one.shown is None or (len(one.shown) == 3 and all(type(number) is int for number in one.shown)) for one in tracks)
    need(good, "bad-form", what="shown")
    lost = [one.n for one in every if one.is_lost and one.n < first.n and not entries[0].is_lost]
    if lost: report.say("NOT CHECKED", "ORIGIN", "essence-lost", file=file, n=first.n, other=lost[0])
    return Essence(first.values["essence_root"], first.n, first.at, tracks, bool(lost))
# ----------------------------------------------------------------------------------- a clip's boxes (ISO/IEC 14496-12)
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
PICTURE_BOXES = (b"avcC", b"hvcC", b"av1C", b"vpcC", b"d263")
SOUND_BOXES = (b"dOps", b"dac3", b"dec3", b"dfLa", b"alac", b"damr")
TABLES = {**dict.fromkeys((b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"co64", b"stss"), (0,)), b"ctts": (0, 1 << 24), b"stz2": ()}
UNITY = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
Track: Any = namedtuple("Track", "place handler scale matrix config frame step samples edit movie")
# edit: what its edit list shows: from, to (ticks of the track), after a delay (ticks of the movie, of which a second has `movie`)
# samples: (dts, cts, sync, offset, size) each; of uncompressed sound, `frame` bytes and `step` ticks an instant, of each run
def take(body: Any, at: int, length: int) -> int:
    need(at + length <= len(body), "structure-bad", what="length")
    return int.from_bytes(body[at : at + length], "big")
def boxes(body: Any, *kinds: bytes, at: int = 0) -> List[Tuple[bytes, Any]]:  # give the boxes of these kinds (of all, if none is named) inside a box: kind, and bytes behind the header
    found: List[Tuple[bytes, Any]] = []
    while at + 8 <= len(body) and take(body, at, 4):
        length, kind = take(body, at, 4), bytes(body[at + 4 : at + 8])
        need(8 <= length <= len(body) - at and len(found) < 4096, "structure-bad", what="length")
        found.append((kind, body[at + 8 : at + length]))
        at += length
    return [one for one in found if one[0] in kinds or not kinds]
def only(body: Any, kind: bytes) -> Any:
    found = boxes(body, kind)
    need(len(found) == 1, "structure-bad", what=kind.decode())
    return found[0][1]
def table(body: Any, form: str) -> List[Tuple[int, ...]]:
    end = 8 + take(body, 4, 4) * struct.calcsize(form)
    need(end <= len(body), "structure-bad", what="length")
    return list(struct.iter_unpack(form, body[8:end]))
def expand(rows: List[Tuple[int, ...]], count: int) -> List[int]:
    need(sum(row[0] for row in rows) == count, "structure-bad", what="count")
    return [row[1] for row in rows for _ in range(row[0])]
def descriptors(esds: Any) -> bytes:  # give object type and decoder configuration of an esds (ISO/IEC 14496-1 section 7.2.6)
    kind, at = 0, 4
    while at + 2 <= len(esds):
        tag, length, part, start = esds[at], 0, 128, at
        while part > 127 and at < start + 4:
            at, part = at + 1, take(esds, at + 1, 1)
            length = length << 7 | part & 127
        at += 1
        if tag == 3:
            flags, at = take(esds, at + 2, 1), at + 3
            at += (2 if flags & 128 else 0) + (2 if flags & 32 else 0)
            at += take(esds, at, 1) + 1 if flags & 64 else 0
        elif tag == 4: kind, at = take(esds, at, 1), at + 13
        elif tag == 5:
            need(at + length <= len(esds), "structure-bad", what="esds")
            return bytes([kind]) + bytes(esds[at : at + length])
        else: at += length
    return bytes([kind])
def boxed(kind: bytes, body: bytes) -> bytes: return kind + struct.pack(">I", len(body)) + body
def sound_config(kind: bytes, entry: Any) -> Tuple[bytes, int]:  # give the configuration of sound, and how many bytes an instant has if it is uncompressed (else 0)
    version, channels, bits, rate = (take(entry, at, 2) for at in (8, 16, 18, 24))
    skip, frame, name = {1: 44, 2: 64}.get(version, 28), 0, ""
    parts = dict(boxes(entry, at=skip))
    wave = dict(boxes(parts.get(b"wave", b"")))
    esds = parts.get(b"esds", wave.get(b"esds"))
    if version == 2:  # QuickTime's description of sound in any form
        flags, frame = take(entry, 52, 4), take(entry, 56, 4) if kind == b"lpcm" else 0
        exact = struct.unpack(">d", entry[32:40])[0]
        channels, rate = take(entry, 40, 4), int(exact) if 0 < exact < 10**7 else 0
        name = "pcm_%s%d%s" % ("sf"[flags & 1], take(entry, 48, 4), "lb"[flags >> 1 & 1] + "e") if frame else ""
    elif esds is None and kind in (b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"alaw", b"ulaw"):
        bits = {b"in24": 24, b"in32": 32, b"alaw": 8, b"ulaw": 8}.get(kind, bits)
        name, frame = {b"in24": "pcm_s24", b"in32": "pcm_s32", b"fl32": "pcm_f32"}.get(kind, ""), channels * bits // 8
        name += ("le" if any(wave.get(b"enda", b"")[:2]) else "be") if name else ""
    if esds is not None and not frame:
        told = descriptors(esds)
        first = int.from_bytes(told[1:3], "big")
        if told[0] in (0x40, 0x66, 0x67, 0x68) and len(told) > 2:
            rate, place = (*RATES, rate, rate, rate)[first >> 7 & 15], first >> 3 & 15
            channels = {0: channels, 7: 8}.get(place, place)
        if kind == b"mp4a": return struct.pack(">I", rate) + told, 0
    need(frame < 65536, "structure-bad", what="sound")
    start = struct.pack(">H", channels & 0xFFFF)
    if frame: return start + struct.pack(">HI", frame * 8 // max(channels, 1) & 0xFFFF, rate) + name.encode(), frame
    more = b"".join(boxed(box, bytes(body)) for box, body in boxes(entry, *SOUND_BOXES, at=skip))
    return start + bytes(entry[18:20]) + struct.pack(">I", rate) + more, 0
def config_of(handler: bytes, kind: bytes, entry: Any) -> Tuple[bytes, int]:
    told, frame = bytes(entry), 0
    if handler == b"soun": told, frame = sound_config(kind, entry)
    elif handler == b"vide":
        is_mp4v = kind == b"mp4v"
        found = boxes(entry, *([b"esds"] if is_mp4v else PICTURE_BOXES), at=78)
        need(len(found) < 2 and len(entry) >= 28, "structure-bad", what="stsd")
        box, inner = found[0] if found else (b"esds" if is_mp4v else bytes(4), b"")
        told = told[24:28] + boxed(box, descriptors(inner) if is_mp4v and found else bytes(inner))
    return boxed(b"", kind + told), frame
def read_movie(package: Package, name: str) -> List[Track]:  # read the tracks of a clip by the strict rules of essence.md: there is one way only to understand it
    size, at, moov, media = package.places[name][2], 0, b"", []  # type: int, int, bytes, List[Tuple[int, int]]
    while at < size:
        head = package.read(name, at, min(16, size - at))
        length, skip, kind = take(head, 0, 4) or size - at, 8, head[4:8]
        if length == 1: length, skip = take(head, 8, 8), 16
        need(skip <= length <= size - at and len(media) < 4096 and kind != b"moof", "structure-bad", what="boxes")
        media += [(at + skip, at + length)] if kind == b"mdat" else []
        if kind == b"moov":
            need(8 < length <= SMALL and not moov, "structure-bad", what="moov")
            moov = package.read(name, at + skip, length - skip)
        at += length
    mvhd = only(memoryview(moov), b"mvhd")
    movie, matrix = (take(mvhd, 20, 4), mvhd[48:84]) if take(mvhd, 0, 1) == 1 else (take(mvhd, 12, 4), mvhd[36:72])
    need(movie and matrix == UNITY, "structure-bad", what="mvhd")  # pictures are not turned as a whole
    tracks = [read_track(place, trak, size, movie) for place, (_, trak) in enumerate(boxes(memoryview(moov), b"trak"))]
    seen = [one.handler for one in tracks if one.handler != b"soun"]
    need(seen in ([], [b"vide"]), "structure-bad", what="hdlr")  # nothing is drawn over the pictures
    need(1 <= len(tracks) <= 64 and sum(len(one.samples) for one in tracks) <= MOST_SAMPLES, "structure-bad", what="trak")
    spans, spot = sorted((one[3], one[3] + one[4]) for track in tracks for one in track.samples if one[4]), 0
    need(all(one[1] <= two[0] for one, two in zip(spans, spans[1:])), "structure-bad", what="overlap")
    for low, high in spans:
        while spot < len(media) and media[spot][1] < high: spot += 1
        need(spot < len(media) and media[spot][0] <= low, "structure-bad", what="mdat")
    return tracks
def read_track(place: int, trak: Any, size: int, movie: int) -> Track:
    tkhd, mdia = only(trak, b"tkhd"), only(trak, b"mdia")
    mdhd, hdlr, minf = only(mdia, b"mdhd"), only(mdia, b"hdlr"), only(mdia, b"minf")
    stbl = only(minf, b"stbl")
    stsd, at = only(stbl, b"stsd"), 52 if take(tkhd, 0, 1) == 1 else 40
    entries, handler, matrix = boxes(stsd, at=8), bytes(hdlr[8:12]), bytes(tkhd[at : at + 36])
    scale = take(mdhd, 20 if take(mdhd, 0, 1) == 1 else 12, 4)
    need(len(entries) == take(stsd, 4, 4) == 1 and len(handler + matrix) == 40 and scale and take(tkhd, 1, 3) & 1, "structure-bad", what="stsd")  # switched on
    dref = only(only(minf, b"dinf"), b"dref")
    good = [take(one, 1, 3) & 1 for _, one in boxes(dref, at=8)] == [1] and take(dref, 4, 4) == take(entries[0][1], 6, 2) == 1
    need(good, "structure-bad", what="dref")  # all bytes lie in this file, and that is said once
    edts = boxes(trak, b"edts")
    lists = [one for _, box in edts for _, one in boxes(box, b"elst")]
    edits = table(lists[0], ">QqI" if take(lists[0], 0, 1) == 1 else ">IiI") if lists else []
    shown = [row[1] for row in edits if row[1] != -1]
    good = max(len(edts), len(lists), len(shown)) < 2 and (len(edits) < 2 or (len(edits) == 2 and edits[0][1] == -1))
    good = good and all(row[0] in COUNT and row[1] in range(-1, 1 << 53) and row[2] == 1 << 16 for row in edits)
    need(good, "structure-bad", what="elst")  # one stretch, at rate 1
    low, length = ([row[1::-1] for row in edits if row[1] != -1] or [(0, 0)])[0]
    edit = (low, low + -(-length * scale // movie) if length else 1 << 54, sum(row[0] for row in edits if row[1] == -1))
    config, frame = config_of(handler, *entries[0])
    step, samples = read_samples(stbl, frame, size)
    return Track(place, handler, scale, matrix, config, frame, step, samples, edit, movie)
def read_samples(stbl: Any, frame: int, file_size: int) -> Tuple[int, List[Tuple[int, ...]]]:
    for kind, body in boxes(stbl, *TABLES): need(take(body, 0, 4) in TABLES[kind], "structure-bad", what=kind.decode())
    stsz, steps, chunks = only(stbl, b"stsz"), table(only(stbl, b"stts"), ">II"), boxes(stbl, b"stco", b"co64")
    stsc, ctts, stss = table(only(stbl, b"stsc"), ">III"), boxes(stbl, b"ctts"), boxes(stbl, b"stss")
    need(len(chunks) == 1 and len(ctts) < 2 and len(stss) < 2, "structure-bad", what="stbl")
    places = [row[0] for row in table(chunks[0][1], ">I" if chunks[0][0] == b"stco" else ">Q")]
    uniform, count = take(stsz, 4, 4), take(stsz, 8, 4)
    firsts = [row[0] for row in stsc] + [len(places) + 1]
    good = all(a < b for a, b in zip(firsts, firsts[1:])) and all(row[2] == 1 for row in stsc) and (firsts[0] == 1 or not count)
    held, timed = sum(row[1] * (b - a) for row, a, b in zip(stsc, firsts, firsts[1:])), sum(row[0] for row in steps)
    need(good and held == timed == count, "structure-bad", what="stsc")
    need(count * max(frame, 1) <= file_size and sum(a * b for a, b in steps) in COUNT, "structure-bad", what="stsz")
    durations, cts, size, sync, step = [], [], [], None, steps[0][1] if steps else 0
    if frame: need(uniform and len(steps) == 1 and step and not stss + ctts or not count, "structure-bad", what="sound")
    else:
        need(count <= MOST_SAMPLES, "structure-bad", what="stsz")
        durations, cts = expand(steps, count), expand(table(ctts[0][1], ">Ii"), count) if ctts else [0] * count
        size = [uniform] * count if uniform else [row[0] for row in table(stsz[4:], ">I")]
        sync = {row[0] for row in table(stss[0][1], ">I")} if stss else None
        need(all(1 <= number <= count for number in sync or ()) and max(size, default=0) <= SMALL, "structure-bad", what="stss")
    samples, done, time = [], 0, 0  # type: List[Tuple[int, ...]], int, int
    for row, low, high in zip(stsc, firsts, firsts[1:]):
        for at in places[low - 1 : high - 1]:
            if frame:
                need(row[1] and (not samples or samples[-1][3] < at), "structure-bad", what="sound")
                samples.append((done * step, 0, 1, at, row[1] * frame))
            for n in range(done, done + (0 if frame else row[1])):
                samples.append((time, cts[n], int(sync is None or n + 1 in sync), at, size[n]))
                at, time = at + size[n], time + durations[n]
            done += row[1]
    return step, samples
# ------------------------------------------------------------------------------------- where frames are from (essence.md)
LINK = {"track": U32, "ts": range(1, 1 << 32), "matrix": str, "config": str, "head": list, "range": list}
RUN = {"clip_track": U32, "clip_first": U32, "first": U32, "count": range(1, 1 << 32), "dts0": SIGNED, "cts0": S32, **LINK}
STILL = {"sample": U32, "dts": SIGNED, "cts": S32, "sync": range(2), "size": U32, "sha256": str, "handler": str, **LINK}
def read_trees(told: List[Any], file: str, essence: Essence) -> List[Tuple[int, bytes]]:  # read the trees of all tracks of a recording; they must lead to the root that its history discloses
    trees = [(n, unbase64(root, file, 32)) for n, root in [fields(one, file, n=U32, root=str) for one in told[:65]]]
    leaves = [sha256(struct.pack(">x2sIQ", b"E1", place, n + 1) + root) for place, (n, root) in enumerate(trees)]
    need(trees and essence and value_text(tree_root(leaves).hex()) == essence.root and len(trees) == len(essence.tracks), "origin-root")
    return trees
def check_header(tree: Tuple[int, bytes], handler: bytes, run: Any, file: str) -> None:  # check that a track of the recording is of this kind and configured so
    leaf = struct.pack(">x2sI4sIQ", b"T1", run.track, handler, run.ts, tree[0]) + sha256(unbase64(run.config, file))
    need(range_root([sha256(leaf + unbase64(run.matrix, file, 36))], 0, tree[0] + 1, hashes(run.head, file)) == tree[1], "origin-wrong", what="header", track=run.track)
def leaf_of(track: int, sample: int, dts: int, cts: int, sync: int, size: int, digest: bytes) -> bytes: return sha256(struct.pack(">x2sIQqiBI", b"S1", track, sample, dts, cts, sync, size) + digest)
def leaves_of(track: Track, skip: int, count: int) -> List[Tuple[int, int, int, List[Tuple[int, int]]]]:
    """List the leaves of a track from a sample on: dts, cts, sync, where their bytes lie; of sound, 1,024 instants each."""
    if not track.frame: return [(dts, cts, sync, [(at, size)]) for dts, cts, sync, at, size in track.samples[skip : skip + count]]
    leaves, done = [], 0  # type: List[Tuple[int, int, int, List[Tuple[int, int]]]], int
    for _, _, _, at, size in track.samples:
        units, low = size // track.frame, max(skip - done, 0)
        while low < units:
            within = (done + low - skip) % 1024
            number = min(1024 - within, units - low)
            leaves += [] if within else [((done + low) * track.step, 0, 1, [])]
            leaves[-1][3].append((at + low * track.frame, number * track.frame))
            low += number
        done += units
    return leaves[:count]
def check_runs(package: Package, name: str, track: Track, runs: List[Any], trees: Any, essence: Essence, file: str) -> Tuple[List[int], int, int]:
    """Check the runs of a track; gives [from, to, from, to …] that they prove, at which us of the original the clip begins, what it hides."""
    def holds(good: Any, what: str) -> None: need(good, "origin-wrong", track=track.place, what=what)
    (low, high, delay), proven, past, shift, moment, hidden = track.edit, [0], 0, None, 0, 0
    for run in runs:
        tree, same, leaves, seen = trees[run.track], runs[0], leaves_of(track, run.clip_first, run.count), essence.tracks[run.track].shown
        holds(seen, "time")
        holds(run.first >= past and run.clip_first >= proven[-1] and len(leaves) == run.count, "runs")
        alike = (run.track, run.ts, run.config, run.matrix) == (same.track, same.ts, same.config, same.matrix)
        holds(alike and (not track.frame or len(runs) == 1), "runs")
        length = sum(size for one in leaves for _, size in one[3]) // track.frame if track.frame else run.count
        past, proven = run.first + run.count, [*proven, run.clip_first, run.clip_first + length]
        check_header(tree, track.handler, run, file)
        holds(unbase64(run.matrix, file) == track.matrix, "matrix")
        zero, found = leaves[0], []
        holds(track.handler != b"vide" or not run.clip_first or zero[2], "frames")
        for n, (dts, cts, sync, pieces) in enumerate(leaves):
            times, at = ((dts - zero[0]) * run.ts, (cts - zero[1]) * run.ts), dts + cts
            dts, cts = times[0] // track.scale + run.dts0, times[1] // track.scale + run.cts0
            good = not times[0] % track.scale and not times[1] % track.scale and cts in S32 and -1 << 61 <= dts <= 1 << 61
            holds(good, "time")
            hidden += track.handler == b"vide" and seen[0] <= dts + cts <= seen[1] and not low <= at <= high
            digest = sha256(b"".join(package.read(name, spot, size) for spot, size in pieces))
            found.append(leaf_of(run.track, run.first + n, dts, cts, sync, sum(piece[1] for piece in pieces), digest))
        holds(range_root(found, run.first + 1, tree[0] + 1, hashes(run.range, file)) == tree[1], "frames")
        here = run.dts0 * track.scale - zero[0] * run.ts
        holds(shift in (None, here), "time")
        if shift is None: moment = (run.dts0 + run.cts0 + seen[2]) * 10**6 // run.ts - (zero[0] + zero[1] - low) * 10**6 // track.scale
        shift = here
    return proven[1:], moment - delay * 10**6 // track.movie, hidden
def sets_of(config: bytes) -> Tuple[List[bytes], bytes]:  # give the parameter sets of an avcC, and what stands behind them
    at, units = 25, []
    for mask in (31, 255):
        for _ in range(take(config, at, 1) & mask):
            length = take(config, at + 1, 2)
            units.append(config[at + 3 : at + 3 + length])
            need(take(units[-1], 0, 1) & 31 == (7 if mask == 31 else 8), "structure-bad", what="avcC")
            at += 2 + length
        at += 1
    need(at <= len(config), "structure-bad", what="avcC")
    return units, config[at:]
def set_id(unit: bytes) -> Tuple[int, int]:  # name a parameter set of H.264: its kind and id (ITU-T H.264 sections 7.3.2.1, 7.3.2.2, 9.1)
    kind = unit[0] & 31 if unit else 0
    bits = "".join(format(one, "08b") for one in unit[1:20].replace(b"\0\0\3", b"\0\0"))[24 if kind == 7 else 0 :]
    zeros = len(bits) - len(bits.lstrip("0"))
    need(zeros < 17 and len(bits) > 2 * zeros, "structure-bad", what="avcC")
    return kind, int(bits[zeros : 2 * zeros + 1], 2) - 1
def check_config(package: Package, name: str, track: Track, original: bytes, starts: List[int], is_whole: bool) -> None:
    """Check that copied frames are decoded as in the original: points 5 and 6 of essence.md; runs behind others start so."""
    def holds(good: Any, what: str) -> None: need(good, "origin-wrong", track=track.place, what=what)
    mine, length = track.config, 0
    if mine != original:
        holds(mine[4:8] + mine[12:16] == b"avc1avcC" and original[4:16] == mine[4:16] and len(original) > 26 < len(mine), "config")
        holds(mine[20] == original[20] == 1 and (mine[24] ^ original[24]) & 3 == 0, "config")
        holds(mine[21] == original[21] or {mine[21], original[21]} <= {66, 77, 100}, "profile")
        (units, trailer), (theirs, others) = sets_of(mine), sets_of(original)
        holds(trailer == others or (not others and len(trailer) == 4 and not trailer[3]), "config")
        ids = [(set_id(unit), unit) for unit in units]
        for unit in theirs: holds([one for number, one in ids if number == set_id(unit) and one != unit] == [] and unit in units, "parameter sets")
    mixed = mine != original or (track.handler == b"vide" and not is_whole)
    holds(not mixed or (mine[4:8] == b"avc1" and len(mine) > 24), "config")
    for n, (_, _, _, at, size) in enumerate(track.samples if mixed or (any(starts) and mine[4:8] == b"avc1") else ()):
        sample, at, length, slices = package.read(name, at, size), 0, (mine[24] & 3) + 1, []
        while at < size:
            end = at + length + int.from_bytes(sample[at : at + length], "big")
            holds(at + length < end <= size and not (mixed and sample[at + length] & 31 in (7, 8, 13, 15)), "in-band")
            slices += [sample[at + length] & 31] if sample[at + length] & 31 in range(1, 6) else []
            at = end
        holds(not n or n not in starts or slices[:1] == [5], "frames")
def span_of(track: Track) -> Tuple[int, int]:  # us behind the clip's second 0 at which the last sample begins that its edit list shows (of uncompressed sound: ends), and at which that list ends
    low, high, delay = track.edit
    ends = [dts + cts + (size // track.frame * track.step if track.frame else 0) for dts, cts, _, _, size in track.samples]
    last = min(max(ends, default=low), high)
    return tuple((one - low) * 10**6 // track.scale + delay * 10**6 // track.movie for one in (last, high if high < 1 << 54 else last))
def check_label(item: Any, essence: Essence, moments: List[int], last: int, length: int, report: Report) -> None:
    """Compare start and end with what is proven, in us: where second 0 of each track lies in the original, and how far behind it the last sample and the end."""
    texts = [item.start or "", (item.start or "") if item.end is None else item.end]
    need(all(re.fullmatch("-?[0-9]{1,9}[.][0-9]{6}", one) for one in texts), "bad-form", file="package.json", what="start")
    start, end = (int(one.replace(".", "")) for one in texts)
    pictures, sounds = ([one for one in essence.tracks if one.n and one.handler == kind] for kind in ("vide", "soun"))
    leads = pictures or sounds  # times count from the first of these that is shown
    about = {"label": " - ".join(one for one in (item.start, item.end) if one), "proven": ""}
    for lead in leads if all(one.shown and one.timescale for one in leads) else ():
        zero, past = ((one + lead.shown[2]) * 10**6 // lead.timescale for one in lead.shown[:2])
        slack, zero = (100_000, zero) if lead.handler == "vide" else (500_000, max(zero, 0))
        at = moments[0] - zero
        fits = all(abs(one - zero - start) <= slack for one in moments) and at + last <= end + slack
        if fits and (at + length >= min(end, past - zero) - slack or item.made == "encoded"): return
        about["proven"] = "%.3f - %.3f" % (at / 10**6, (at + length) / 10**6)
    if about["proven"]: raise Wrong("origin-elsewhere", **about)
    report.say("NOT CHECKED", "ORIGIN", "origin-unplaced", file=item.file, label=about["label"])
def check_clip(package: Package, item: Any, told: Any, essence: Essence, tracks: List[Track], verdict: str, report: Report) -> None:
    file = item.proof
    _, all_tracks, rows = fields(told, file, v=range(1, 2), all_tracks=list, tracks=list)
    trees, runs = read_trees(all_tracks, file, essence), [record(one, file, RUN) for one in rows[:65]]
    owners: Dict[int, int] = {}
    for run in runs:
        good = run.clip_track < len(tracks) and run.track < len(trees) and len(runs) <= 64
        need(good and owners.setdefault(run.track, run.clip_track) == run.clip_track, "origin-wrong", track=run.clip_track, what="runs")
    need(runs, "origin-unproven")
    counts, rest, is_all, moments, hidden = {b"vide": 0, b"soun": 0}, [], True, [], 0  # type: Any, List[str], bool, List[int], int
    for track in tracks:
        mine = [run for run in runs if run.clip_track == track.place]
        proven, moment, unseen = check_runs(package, item.file, track, mine, trees, essence, file)
        moments, hidden = moments + [moment] * bool(mine), hidden + unseen
        length = sum(one[4] for one in track.samples) // track.frame if track.frame else len(track.samples)
        edges = [0, *proven, length]
        gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2]) if a < b]
        if mine: check_config(package, item.file, track, unbase64(mine[0].config, file), [run.clip_first for run in mine], not gaps)
        counts[track.handler] += sum(run.count for run in mine)
        rest += ["%d: %d-%d" % (track.place, a, b) for a, b in gaps]
        is_all = is_all and (not gaps or bool(track.frame and all(b - a < 1024 for a, b in gaps)))
    apart = max(moments) - min(moments)
    need(apart <= 100_000, "origin-apart", apart="%d.%03d" % divmod(apart // 1000, 1000))
    need(not hidden or item.made != "verbatim", "origin-hidden", count=hidden)
    about = {"file": item.file, "pictures": counts[b"vide"], "sounds": counts[b"soun"], "rest": ", ".join(rest[:20]) or "-", "n": essence.n, "at": essence.at}
    spans = [span_of(one) for one in tracks if one.handler == b"vide"] or [span_of(one) for one in tracks]
    check_label(item, essence, moments, max(one[0] for one in map(span_of, tracks)), max(one[1] for one in spans), report)
    good = is_all or item.made != "verbatim"
    report.say(verdict if good else "FAIL", "ORIGIN", "origin-frames" if good else "origin-less", **about)
def check_still(item: Any, told: Any, essence: Essence, verdict: str, report: Report) -> None:
    _, all_tracks, row = fields(told, item.proof, v=range(1, 2), all_tracks=list, still=dict)
    trees, still = read_trees(all_tracks, item.proof, essence), record(row, item.proof, STILL)
    need(still.track < len(trees) and re.fullmatch("[0-9a-f]{64}", still.sha256) and still.handler == "vide", "origin-root")
    tree = trees[still.track]
    check_header(tree, b"vide", still, item.proof)
    leaf = leaf_of(still.track, still.sample, still.dts, still.cts, still.sync, still.size, bytes.fromhex(still.sha256))
    need(range_root([leaf], still.sample + 1, tree[0] + 1, hashes(still.range, item.proof)) == tree[1], "origin-wrong", track=still.track, what="frames")
    at, shift = (still.dts + still.cts) * 1000 // still.ts, (essence.tracks[still.track].shown or [0, 0, 0])[2]
    check_label(item, essence, [(still.dts + still.cts + shift) * 10**6 // still.ts], 0, 0, report)
    report.say(verdict, "ORIGIN", "origin-still", file=item.file, track=still.track, at="%d.%03d" % divmod(at, 1000), n=essence.n, ts=essence.at)
# ---------------------------------------------------------------------------------------------------------- the package
ITEM = {"n": COUNT, "file": str, "kind": str, "recording": str, "filename": str, "start": OPTIONAL, "end": OPTIONAL, "made": str, "proof": OPTIONAL}
TOLD = {"format": str, "export": str, "made_at": str, "copy": COUNT, "copies": COUNT, "recipient": str, "purpose": str,
        "case": OPTIONAL, "origin": str, "version": str, "witnessed": str, "items": list, "recordings": list}  # fmt: skip
MADE = {("original", "original"), ("verbatim", "verbatim"), ("exact", "smart"), ("exact", "encoded"), ("still", "still")}
def read_told(package: Package, listed: Listed) -> Any:
    name = "package.json"
    told = record(read_json(package.whole(name), name), name, TOLD)
    items = [record(one, name, ITEM) for one in told.items]
    rows = [fields(one, name, id=str, history=str) for one in told.recordings]
    same = (told.format, told.export, told.copy, told.copies) == ("huisu/package/v1", *listed[:3])
    need(same and told.copy <= told.copies, "bad-form", file=name, what="copy")
    good = all((one.kind, one.made) in MADE and (one.kind != "original" or one.proof is None) for one in items)
    good = good and [one.n for one in items] == list(range(1, len(items) + 1)) and 1 <= len(items) <= MOST_ITEMS
    good = good and len({one.file for one in items}) == len(items)
    need(good and [row[0] for row in rows] == sorted({one.recording for one in items}), "bad-form", file=name, what="items")
    told.items, told.recordings = items, dict(rows)
    return told
def check_item(told: Any, item: Any, prints: Dict[str, Print], entries: List[Entry]) -> None:
    mine = [one for one in entries if is_of(one, told.export) and one.values.get("item") == str(item.n)]
    need(len(mine) == 1 and mine[0].payload_holds, "no-export-entry", file=item.file)
    need(item.file in prints, "missing", file=item.file)
    wanted = {name: getattr(item, name) for name in ("kind", "made", "file", "start", "end")}
    wanted.update({name: getattr(told, name) for name in ("copies", "recipient", "purpose", "case")}, **facts_of(prints[item.file]))
    for what, value in wanted.items(): need(mine[0].values.get(what) == value_text(value), "file-differs", file=item.file, what=what)
def facts_of(found: Print) -> Dict[str, Any]: return {"size": found.size, "sha256": found.sha256.hex(), "chunk_log2": 20, "chunk_root": found.chunk_root.hex()}
def check_origin(package: Package, item: Any, prints: Dict[str, Print], entries: List[Entry], report: Report) -> None:
    arrival, verdict = arrival_of(entries), "PASS"
    if entries and arrival is not entries[0]:  # nothing may pass that rests on what is lost
        if arrival is None: raise Wrong("origin-not", file=item.file, what="rec.ingest")
        verdict = "NOT CHECKED"
        report.say(verdict, "ORIGIN", "origin-rebuilt", file=item.file, n=arrival.n)
    if item.made == "original":
        for what, value in facts_of(prints[item.file]).items():
            holds = arrival and entries[0].kind == "rec.ingest" and arrival.values.get(what) == value_text(value)
            need(holds, "origin-not", file=item.file, what=what)
        if verdict == "PASS": report.say(verdict, "ORIGIN", "origin-ok", file=item.file)
    if item.made in ("original", "still"): report.say("NOT CHECKED", "STRUCTURE", "structure-as-is", file=item.file)
    else:
        tracks = report.attempt("STRUCTURE", read_movie, package, item.file, file=item.file)
        if tracks is None: return
        report.say("PASS", "STRUCTURE", "structure-ok", file=item.file)
    if item.made == "original": return
    essence = essence_of(entries, arrival, item.file, report)
    if essence and essence.is_later: verdict = "NOT CHECKED"
    if item.proof is None:
        need(not essence or item.made == "encoded", "origin-unproven", file=item.file)
        report.say("NOT CHECKED", "ORIGIN", "origin-none" if essence else "essence-none", file=item.file)
    elif item.made == "still": check_still(item, read_json(package.whole(item.proof), item.proof), essence, verdict, report)
    else: check_clip(package, item, read_json(package.whole(item.proof), item.proof), essence, tracks, verdict, report)
def check_log(package: Package, policy: Policy, told: Any, is_own: bool, report: Report) -> Head:
    name = "log/checkpoint.txt"
    head = open_head(package.whole(name), policy.logs, policy, name)
    need(head.origin == told.origin, "bad-form", file=name, what="origin")
    holds, missing = policy.judge(head.seen) if policy.quorum != "none" else (False, [])
    late = is_own and told.witnessed == "none-in-time"  # the archive says itself that nobody outside answered
    verdict, code = ("NOT CHECKED", "quorum-late") if late else ("FAIL", "quorum-missing")
    if policy.quorum == "none" or holds: verdict, code = ("PASS", "witnessed-ok") if holds else ("NOT CHECKED", "quorum-none")
    about = {"missing": ", ".join(missing), "names": ", ".join(sorted(head.seen)), "at": moment(min(head.seen.values(), default=0))}
    report.say(verdict, "WITNESSED", code, **about)
    return head
def check_histories(package: Package, told: Any, head: Head | None, report: Report) -> Dict[str, List[Entry]]:
    found, count = {}, 0
    for recording, name in told.recordings.items():
        entries = report.attempt("HISTORY", read_history, package, recording, name, head)
        if entries is None: continue
        found[recording], count, before = entries, count + len(entries), report.failed("HISTORY")
        report.attempt("HISTORY", check_history, recording, entries, told.export)
        lost = ranges([one.n for one in entries if one.is_lost])
        verdict, code = ("NOT CHECKED", "history-lost") if lost else ("PASS", "history-ok")
        if report.failed("HISTORY") == before: report.say(verdict, "HISTORY", code, recording=recording, count=len(entries), lost=lost)
        if head: report.attempt("LOGGED", check_logged, recording, entries)
    if head and not report.failed("LOGGED", "HISTORY"): report.say("PASS", "LOGGED", "logged-ok", count=count, size=head.size)
    return found
def check_consistency(package: Package, policy: Policy, head: Head, histories: Dict[str, List[Entry]], report: Report) -> List[Head]:
    name = "log/consistency.json"
    size, rows = fields(read_json(package.whole(name), name), name, size=COUNT, heads=list)
    heads = [head]
    need(len(rows) <= MOST_HEADS, "bad-form", file=name, what="heads")
    for row in rows:
        note, path = fields(row, name, note=str, path=list)
        one = open_head(note.encode(), policy.every, policy, name)
        good = size == head.size and one.origin == head.origin and (len(heads) == 1 or heads[-1].size <= one.size)
        good = good and consistent(one.size, one.root, head.size, head.root, hashes(path, name))
        need(good, "consistent-bad", size=one.size)
        heads.append(one)
    for recording, entries in histories.items():
        arrival = arrival_of(entries)
        seen = min((policy.dated(one.seen) for one in heads if arrival and one.size > arrival.index and one.seen), default=None)
        if seen and not report.failed("LOGGED", "HISTORY"): report.say("PASS", "CONSISTENT", "no-later-than", recording=recording, at=moment(seen[1]), names=", ".join(seen[2]))
    report.say("PASS", "CONSISTENT", "consistent-ok", count=len(rows))
    return heads
def check_stamps(package: Package, heads: List[Head], report: Report) -> None:  # of a stamp that has its head's digest nothing is proven here: that takes its signature
    digests = {"timestamps/%d.tsr" % one.size: one.digest for one in heads}
    names = [name for name in package.places if name.startswith("timestamps/")]
    for name in names:
        if name in digests and digests[name] in package.whole(name): report.say("NOT CHECKED", "TIME", "time-open", file=name, digest=digests[name].hex())
        else: report.say("FAIL", "TIME", "time-other", file=name)
    if not names: report.say("NOT CHECKED", "TIME", "time-none")
def examine(package: Package, outside: bytes | None, fingerprint: str, report: Report) -> None:
    if package.bad_at is not None: raise Wrong("bad-zip", at=package.bad_at)
    name = "log/policy.txt" if outside is None else "policy"
    policy = Policy(package.whole(name) if outside is None else outside, name)
    report.keys = [("log", one.name, sha256(one.public).hex()) for one in policy.logs]
    report.keys += [("witness", name, sha256(one.public).hex()) for name, one in policy.witnesses.items()]
    if fingerprint:
        policy.logs = [one for one in policy.every if sha256(one.public).hex() == fingerprint]
        need(policy.logs, "fingerprint-other", found=", ".join(one[2] for one in report.keys if one[0] == "log"))
    listed = read_contents(package.whole("contents.txt"), policy)
    prints = check_contents(package, listed, report)
    told = report.attempt("FILE", read_told, package, listed)
    if told is None: return
    known = FIXED.union(*((item.file, item.proof) for item in told.items), *(parts_of(package, one) for one in told.recordings.values()))
    strange = [name for name in listed.files if name not in known and not re.fullmatch("timestamps/[0-9]+[.]tsr", name)]
    for name in strange: report.say("FAIL", "CONTENTS", "unlisted", file=name)
    if not report.failed("CONTENTS"): report.say("PASS", "CONTENTS", "contents-ok", count=len(listed.files))
    head = report.attempt("LOGGED", check_log, package, policy, told, outside is None, report)
    histories = check_histories(package, told, head, report)
    for item in told.items:
        entries, before = histories.get(item.recording, []), report.failed("FILE")
        report.attempt("FILE", check_item, told, item, prints, entries)
        if report.failed("FILE") == before: report.say("PASS", "FILE", "file-ok", file=item.file)
        if item.file in prints: report.attempt("ORIGIN", check_origin, package, item, prints, entries, report, file=item.file)
    heads = report.attempt("CONSISTENT", check_consistency, package, policy, head, histories, report) if head else None
    if heads: report.attempt("TIME", check_stamps, package, heads, report)
def verify(path: str, outside: bytes | None = None, fingerprint: str = "") -> Report:  # check a package. Raises `NoPackage`; whatever else goes wrong is a finding
    package, report = Package(path), Report()
    try: report.attempt("CONTENTS", examine, package, outside, fingerprint, report)
    except Exception as error: report.say("FAIL", "CONTENTS", "broken", what=repr(error))  # what cannot be checked is not good
    report.close()
    return report
# ----------------------------------------------------------------------------------------------------- the command line
def clean(text: str) -> str: return re.sub("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", "?", text)  # keeps a hostile name from steering the terminal, or from making lines of its own
def told_of(report: Report, lang: int, outside: str | None, fingerprint: str) -> Dict[str, Any]:  # give all that there is to say as one object: docs/formats/package.md, "The result as JSON"
    names, wrong = ("verdict", "check", "code", "words"), report.failed()
    checks = [dict(zip(names, (*one[:3], clean(report.texts[one[2]][lang].format(**one[3]))))) for one in report.findings]
    keys = [{"role": role, "name": clean(name), "sha256": key} for role, name, key in report.keys]
    printed = bool(fingerprint and keys and all(one["code"] != "fingerprint-other" for one in checks))
    open_points = WORDS["open"][lang].split("|")[1:] + [one["words"] for one in checks if one["code"] in ("history-lost", "origin-rebuilt", "essence-lost")]
    return {"exit": int(wrong > 0), "result": WORDS["wrong" if wrong else "good"][lang].format(count=wrong), "checks": checks,
            "keys": keys, "keys_from": outside, "fingerprint_matches": printed, "not_proven": open_points}  # fmt: skip
def lines_of(told: Dict[str, Any], lang: int) -> Iterator[str]:
    for one in told["checks"]: yield "%-11s %-10s %s" % (WORDS[one["verdict"]][lang], WORDS[one["check"]][lang], one["words"])
    yield "\n" + WORDS["keys"][lang]
    for key in told["keys"]: yield "  %s %s\n    %s" % (WORDS[key["role"]][lang], key["name"], " ".join(re.findall("." * 8, key["sha256"])))
    yield WORDS["outside" if told["keys_from"] else "inside"][lang].format(file=told["keys_from"])
    if told["fingerprint_matches"]: yield WORDS["printed"][lang]
    yield "\n" + "\n  - ".join([WORDS["open"][lang].split("|")[0], *told["not_proven"]])
    yield "\n" + told["result"]
def main(arguments: List[str] | None = None, more: Callable[[Report], None] = lambda _: None) -> int:  # more: may judge further what is left open here
    reader = argparse.ArgumentParser(prog="verify.py", description="Check a Huisu export package, offline. 离线核验回溯移交包。")
    reader.add_argument("package", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    reader.add_argument("--policy", metavar="FILE", help="keys from elsewhere / 使用别处取得的密钥")
    reader.add_argument("--fingerprint", metavar="HEX", default="", help="printed fingerprint of the log's key / 台账密钥指纹")
    here = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    reader.add_argument("--lang", choices=("zh", "en"), default="zh" if here.lower().startswith(("zh", "chinese")) else "en")
    reader.add_argument("--json", action="store_true", help="the result as one line of JSON / 结果为一行 JSON")
    asked = reader.parse_args(arguments)
    lang, fingerprint = int(asked.lang == "en"), "".join(asked.fingerprint.lower().split()).replace(":", "")
    if hasattr(sys.stdout, "reconfigure"): sys.stdout.reconfigure(errors="backslashreplace")
    try:
        outside = None
        if asked.policy:
            with open(asked.policy, "rb") as file: outside = file.read(SMALL)
        report = verify(asked.package, outside, fingerprint)
        more(report)
        told = told_of(report, lang, asked.policy, fingerprint)
    except (NoPackage, OSError) as error:
        told = {**told_of(Report(), lang, asked.policy, ""), "exit": 2, "result": WORDS["none"][lang].format(what=clean(str(error)))}
    lines = [json.dumps(told)] if asked.json else lines_of(told, lang) if told["exit"] < 2 else [told["result"]]
    print("\n".join(lines))
    return int(told["exit"])
if __name__ == "__main__": sys.exit(main())
