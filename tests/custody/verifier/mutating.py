"""Change packages in every way that comes to mind, chosen by a seed: bytes, values, files, and who signed."""

import json
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.media.boxes import walk
from tests.custody.clips import reader
from tests.custody.notes import key
from tests.custody.packages import Built, canonical

Files = dict[str, bytes]
_NUMBERS = (0, 1, 2, 255, 256, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_VALUES: tuple[Any, ...] = (
    0, 1, -1, (1 << 53) - 1, True, False, None, "", "x", "\u5f55", "\U0001f3a5", [], {}, "items/001.mp4",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A changed package: what was done, its files (contents.txt too), and whether an honest key signed the change."""

    told: str
    files: Files
    is_resigned: bool


def mutate(built: Built, other: Built, seed: int) -> Mutant:
    """
    Change a package once or a few times.

    Half of them are signed anew by the package's own key, as a dishonest archive would: only then does anything but
    the signed list have to find the change.
    """
    dice = random.Random(seed)
    files, told = dict(built.files), []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        way = dice.choice(_WAYS)
        told.append(f"{way.__name__} {way(files, other, dice)}")
    sign = dice.random()
    if sign < 0.6:
        return Mutant("; ".join(told), replace(built, files=files).sealed(), is_resigned=True)
    if sign < 0.7:
        wrong = key(9, built.signer.name)
        return Mutant(
            "by a wrong key: " + "; ".join(told), replace(built, files=files).sealed(wrong), is_resigned=False
        )
    sealed = built.sealed()
    if sign < 0.8:
        return Mutant(_bytes(sealed, other, dice, "contents.txt"), sealed, is_resigned=False)
    return Mutant("; ".join(told), {"contents.txt": sealed["contents.txt"], **files}, is_resigned=False)


def _name(files: Mapping[str, bytes], dice: random.Random, start: str = "") -> str:
    start = start if any(name.startswith(start) for name in files) else ""
    return dice.choice(sorted(name for name in files if name.startswith(start) and not name.startswith("verify.")))


def _bytes(files: Files, _: Built, dice: random.Random, name: str = "") -> str:
    name = name or _name(files, dice)
    content = bytearray(files[name] or b"\0")
    at, some = dice.randrange(len(content)), dice.randbytes(dice.randint(1, 8))
    way = dice.randrange(6)
    if way <= 1:
        content[at] ^= 1 << dice.randrange(8)
    elif way == 2:
        content[at:at] = some
    elif way == 3:
        del content[at : at + dice.randint(1, 64)]
    elif way == 4:
        del content[at:]
    else:
        low = dice.randrange(len(content))
        content[at : at + 16], content[low : low + 16] = content[low : low + 16], content[at : at + 16]
    files[name] = bytes(content)
    return f"{name} at {at} way {way}"


def _swap(files: Files, _: Built, dice: random.Random) -> str:
    one = _name(files, dice)
    two = _name(files, dice, one.split("/", maxsplit=1)[0])
    files[one], files[two] = files[two], files[one]
    return f"{one} and {two}"


def _take_from_other(files: Files, other: Built, dice: random.Random) -> str:
    name = _name(other.files, dice)
    files[name] = other.files[name]
    return name


def _lose(files: Files, _: Built, dice: random.Random) -> str:
    name = _name(files, dice)
    del files[name]
    return name


def _add(files: Files, _: Built, dice: random.Random) -> str:
    name = dice.choice(("items/007.mp4", "timestamps/28.tsr", ".DS_Store", "notes.txt", "timestamps/x.tsr"))
    files[name] = b"?"
    return name


def _rewrite(files: Files, _: Built, dice: random.Random) -> str:
    """Change one value of a JSON file and write it in its one form again."""
    name = dice.choice(sorted(name for name in files if name.endswith(".json")))
    told = json.loads(files[name]) if files[name].strip().startswith(b"{") and _is_json(files[name]) else {}
    where = _somewhere(told, dice)
    if where is None:
        return name
    holder, spot = where
    holder[spot] = _other(holder[spot], dice)
    files[name] = canonical(told)
    return f"{name} {spot}"


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _somewhere(told: Any, dice: random.Random) -> tuple[Any, Any] | None:
    places: list[tuple[Any, Any]] = []
    waiting = [told]
    while waiting:
        one = waiting.pop()
        spots = list(one) if isinstance(one, dict) else list(range(len(one)))
        places += [(one, spot) for spot in spots]
        waiting += [one[spot] for spot in spots if isinstance(one[spot], dict | list)]
    return dice.choice(places) if places else None


def _other(value: Any, dice: random.Random) -> Any:
    if dice.random() < 0.15:
        return dice.choice(_VALUES)
    if isinstance(value, bool) or value is None:
        return dice.choice(_VALUES)
    if isinstance(value, int):
        return value + dice.choice((-1, 1, 1024, -value))
    if isinstance(value, str):
        at = dice.randrange(len(value) + 1)
        return dice.choice((value[:at] + value[at + 1 :], value[:at] + "A" + value[at + 1 :], value + "A", value[::-1]))
    if isinstance(value, list):
        shuffled = list(value)
        dice.shuffle(shuffled)
        return dice.choice((value[1:], value[:-1], shuffled, [*value, *value[-1:]]))
    return {name: one for name, one in value.items() if name != dice.choice(sorted(value) or [""])}


def _forget(files: Files, _: Built, dice: random.Random) -> str:
    """Say of some entries of a history that their values are lost."""
    name = _name(files, dice, "history/")
    told = json.loads(files[name]) if _is_json(files[name]) else {}
    rows = told.get("entries", []) if isinstance(told, dict) else []
    chosen = [row for row in rows if isinstance(row, dict) and dice.random() < 0.4]
    for row in chosen:
        row["fields"] = None
    files[name] = canonical(told) if chosen else files[name]
    return f"{name} {len(chosen)}"


def _lines(files: Files, _: Built, dice: random.Random) -> str:
    """Lose, double, move or cut lines of a text that is signed or trusted."""
    name = dice.choice(("log/checkpoint.txt", "log/policy.txt"))
    if name not in files:
        return name
    rows = files[name].split(b"\n")
    at, to = dice.randrange(len(rows)), dice.randrange(len(rows))
    way = dice.randrange(5)
    if way == 0:
        del rows[at]
    elif way == 1:
        rows.insert(to, rows[at])
    elif way == 2:
        rows.insert(to, rows.pop(at))
    elif way == 3:
        words = rows[at].split(b" ")
        dice.shuffle(words)
        rows[at] = b" ".join(words)
    else:
        rows[at] = dice.choice(
            (b"quorum none", b"quorum court", b"group x any court press", b"group y 2 court", b"# words", b"", b"log x",
             b"group both all court", b"witness none x", b"\xff\xfe", b"quorum both ")
        )  # fmt: skip
    files[name] = b"\n".join(rows)
    return f"{name} {at} way {way}"


def _number_in_moov(files: Files, _: Built, dice: random.Random) -> str:
    """Put another number into the index of a clip."""
    names = sorted(name for name in files if name.startswith("items/") and name != "items/005.png")
    if not names:
        return "none"
    name = dice.choice(names)
    content = bytearray(files[name])
    try:
        box = next(one for one in walk(reader(bytes(content)), len(content)) if one.kind == b"moov")
    except Exception:
        return f"{name}: no moov"
    if box.end > len(content) or box.size < 64:
        return f"{name}: cut"
    at = box.body + dice.randrange(0, box.size - 16)
    (before,) = struct.unpack_from(">I", content, at)
    struct.pack_into(">I", content, at, dice.choice((*_NUMBERS, (before + 1) & 0xFFFFFFFF, (before - 1) & 0xFFFFFFFF)))
    files[name] = bytes(content)
    return f"{name} at {at}"


_WAYS: tuple[Callable[[Files, Built, random.Random], str], ...] = (
    _bytes, _bytes, _swap, _take_from_other, _lose, _add, _rewrite, _rewrite, _rewrite, _forget, _lines, _lines,
    _number_in_moov, _number_in_moov,
)  # fmt: skip
