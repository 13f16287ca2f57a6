"""
Read and write a policy (known logs, known witnesses, which of them suffice) and judge a head by it. Pure.

Source: C2SP tlog-policy. Names are opaque octets: they are carried as text in which octets that are no UTF-8 survive.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.custody.checkpoint import Checkpoint, open_checkpoint
from services.custody.cosignature import Cosignature, cosignatures
from services.custody.note import COSIGNATURE, PLAIN, Note, VerifierKey, parse_vkey
from services.errors import NoteRefused, PolicyRefused

NONE: Final = "none"
MOST: Final = 256
"""Most logs, witnesses and groups each. Source: C2SP tlog-policy asks for at least 32."""
MAX_BYTES: Final = 1 << 18
_FORBIDDEN = re.compile(rb"[^\x09\x0a\x20-\x7e\x80-\xff]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is accepted: its name is its key's."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness, by its name in this policy."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which `least` must have seen a head."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says about a set of witnesses: whether they suffice, and who of those that count is missing."""

    is_met: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A head that a log of the policy signed, the witnesses that saw it, and whether they suffice."""

    checkpoint: Checkpoint
    note: Note
    cosignatures: Mapping[str, Cosignature]
    verdict: Verdict

    @property
    def seen_at(self) -> datetime | None:
        """The earliest time at which a witness of the policy saw this head."""
        return min((one.at for one in self.cosignatures.values()), default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which logs and witnesses are known, and which set of witnesses suffices; `None`: none is needed."""

    logs: tuple[Log, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str | None = None

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the logs."""
        return tuple(log.key for log in self.logs)

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the witnesses."""
        return tuple(witness.key for witness in self.witnesses)

    def with_logs(self, keys: Iterable[VerifierKey]) -> "Policy":
        """Give the same policy for these logs, with the addresses that it knew of them."""
        known = {log.key: log for log in self.logs}
        return replace(self, logs=tuple(known.get(key, Log(key)) for key in keys))

    def judge(self, cosigned: Collection[str]) -> Verdict:
        """Say whether the witnesses of these names suffice, and which of those that count are missing."""
        if self.quorum is None:
            return Verdict(is_met=True, missing=())
        holds = {witness.name: witness.name in cosigned for witness in self.witnesses}
        for group in self.groups:
            holds[group.name] = sum(holds[member] for member in group.members) >= group.least
        missing = tuple(name for name in self._counting(self.quorum) if name not in cosigned)
        return Verdict(holds[self.quorum], missing)

    def examine(self, content: bytes, now: datetime | None = None) -> Judged:
        """
        Check a checkpoint's signatures and say whether the witnesses under it suffice.

        Of several cosignatures of one witness the earliest counts; later ones than `now` count for nothing.

        Raises:
            NoteRefused: no log of this policy signed it, or a line in the name of one of its keys is not its own.
        """
        checkpoint, note = open_checkpoint(content, self.log_keys)
        names = {witness.key: witness.name for witness in self.witnesses}
        found: dict[str, Cosignature] = {}
        for one in sorted(cosignatures(note, names), key=lambda cosigned: cosigned.at):
            if now is None or one.at <= now:
                found.setdefault(names[one.key], one)
        return Judged(checkpoint, note, found, self.judge(found.keys()))

    def _counting(self, name: str) -> Iterator[str]:
        groups = {group.name: group for group in self.groups}
        if name not in groups:
            yield name
            return
        for member in groups[name].members:
            yield from self._counting(member)

    @property
    def content(self) -> bytes:
        """Write the policy; what is read from it is equal to it."""
        lines = [_line("log", log.key.vkey, log.url) for log in self.logs]
        lines += [_line("witness", one.name, one.key.vkey, one.url) for one in self.witnesses]
        lines += [_line("group", one.name, str(one.least), *one.members) for one in self.groups]
        lines.append(_line("quorum", self.quorum or NONE))
        return "".join(lines).encode("utf-8", "surrogateescape")


def _line(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None) + "\n"


def read_policy(content: bytes) -> Policy:
    """
    Read a policy file.

    Raises:
        PolicyRefused: it has another form, contradicts itself, or ends within a line.
    """
    if len(content) > MAX_BYTES:
        raise PolicyRefused(f"a policy has at most {MAX_BYTES} bytes, this one {len(content)}")
    if found := _FORBIDDEN.search(content):
        raise PolicyRefused(f"a policy has no control characters, this one has {found[0]!r}")
    if content and not content.endswith(b"\n"):
        raise PolicyRefused("the last line of the policy has no line end: is the file cut short?")
    reader = _Reader()
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            try:
                reader.take(words)
            except (PolicyRefused, NoteRefused) as error:
                raise PolicyRefused(f"line {number} of the policy: {error}") from error
    return reader.policy()


class _Reader:
    """Gathers the lines of one policy file."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.quorum: list[str | None] = []

    def take(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "log" and 1 <= len(rest) <= 2:
            self._log(*rest)
        elif kind == "witness" and 2 <= len(rest) <= 3:
            self._witness(*rest)
        elif kind == "group" and len(rest) >= 3:
            self._group(rest[0], rest[1], tuple(rest[2:]))
        elif kind == "quorum" and len(rest) == 1:
            self._quorum(rest[0])
        else:
            raise PolicyRefused(f"{kind[:40]!r} with {len(rest)} words says nothing here")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > MOST:
            raise PolicyRefused(f"more than {MOST} logs, witnesses or groups")

    def _log(self, vkey: str, url: str | None = None) -> None:
        key = _key(vkey, PLAIN, "log")
        if any(log.key.public == key.public for log in self.logs):
            raise PolicyRefused(f"the key of {key.name} is named twice")
        self.logs.append(Log(key, url))

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        self._new_name(name)
        key = _key(vkey, COSIGNATURE, "witness")
        if any(one.key.public == key.public for one in self.witnesses.values()):
            raise PolicyRefused(f"the key of {name} is named twice")
        self.witnesses[name] = Witness(name, key, url)

    def _group(self, name: str, count: str, members: tuple[str, ...]) -> None:
        self._new_name(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise PolicyRefused(f"{member!r} is not defined before group {name!r}")
            if member in self.members:
                raise PolicyRefused(f"{member!r} is a member already")
            self.members.add(member)
        least = {"any": 1, "all": len(members)}.get(count) or (int(count) if _COUNT.fullmatch(count) else 0)
        if not 1 <= least <= len(members):
            raise PolicyRefused(f"group {name!r} asks for {count[:10]} of {len(members)} members")
        self.groups[name] = Group(name, least, members)

    def _quorum(self, name: str) -> None:
        if self.quorum:
            raise PolicyRefused("a policy has one quorum line")
        if name != NONE and name not in self.witnesses and name not in self.groups:
            raise PolicyRefused(f"the quorum {name!r} is not defined before it")
        self.quorum.append(None if name == NONE else name)

    def _new_name(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyRefused(f"the name {name!r} is taken")

    def policy(self) -> Policy:
        if not self.quorum:
            raise PolicyRefused("the policy has no quorum line; `quorum none` asks for no witness")
        return Policy(tuple(self.logs), tuple(self.witnesses.values()), tuple(self.groups.values()), self.quorum[0])


def _key(vkey: str, kind: int, role: str) -> VerifierKey:
    key = parse_vkey(vkey)
    if key.type != kind:
        raise PolicyRefused(f"the key of {key.name} has the type {key.type:#04x}, a {role} signs with {kind:#04x}")
    return key
