"""
Lay out the demonstration's bureau: people, cameras, two weeks of incidents, cases and every file.

Pure: the same moment gives the same world, so that a second start finds what is missing by name alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.demo.footage import Coding, Scene, ending
from services.demo.spoil import Spoiling

ZONE: Final = ZoneInfo("Asia/Shanghai")
BUREAU, STATIONS, CENTRE = "DEMO", ("DEMO-01", "DEMO-02"), "DEMO-CC"
UNITS: Final = (
    (BUREAU, "示例分局", "root"),
    (STATIONS[0], "示例一所", BUREAU),
    (STATIONS[1], "示例二所", BUREAU),
    (CENTRE, "办案中心", BUREAU),
)
"""Number, name and the unit above, each after the one above it."""

DOCKS: Final = ("DEMO-DOCK-1", "DEMO-DOCK-2")
CAMERAS: Final = tuple(f"DEMO-CAM-{n}" for n in range(1, 7))
ROOMS: Final = ("DEMO-ROOM-1", "DEMO-ROOM-2")
UNKNOWN_CAMERA: Final = "X-UNREGISTERED-7"

INCIDENTS: Final = 40
SPACING: Final = timedelta(hours=8)
"""Between the dispatches: 40 incidents fill two weeks, and no two windows of rule 14 meet by accident."""

INTERRUPTION: Final = timedelta(minutes=3, seconds=12)
CLOCK_AHEAD: Final = timedelta(minutes=7)
LATE: Final = timedelta(hours=31)
TOGETHER_S: Final = 6

_SILENT, _CROWDED, _SHARED, _SECOND = 5, 8, 11, 12
"""Incidents by their place in the list: unfilmed; filmed by two; and two that one recording fits."""

_KINDS: Final = ("纠纷", "盗窃", "打架斗殴", "交通事故", "求助", "噪音扰民", "走失", "诈骗")
_STREETS: Final = ("示例路", "演示大街", "虚构巷", "样板新村", "测试广场")


@dataclass(frozen=True, slots=True)
class Person:
    """An account; `number` is a badge number, which only officers have here."""

    name: str
    role: str
    unit: str
    title: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Who carried a camera from when to when."""

    device: str
    officer: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Clip:
    """One file at one dock: what is in it, what the dock says about it, and which fault it plants."""

    dock: str
    name: str
    scene: Scene
    told: Mapping[str, str]
    fault: str | None = None
    spoiling: Spoiling = "none"


@dataclass(frozen=True, slots=True)
class World:
    """Everything there is. Incidents and cases are bodies as the public interface takes them, by number."""

    began: datetime
    people: tuple[Person, ...]
    shifts: tuple[Shift, ...]
    incidents: Mapping[str, Mapping[str, Any]]
    cases: Mapping[str, Mapping[str, Any]]
    clips: tuple[Clip, ...]
    officers: tuple[Person, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "officers", tuple(person for person in self.people if person.number))

    def planted(self, fault: str) -> list[Clip]:
        """Give the files that plant a fault, in order."""
        return [clip for clip in self.clips if clip.fault == fault]


PEOPLE: Final = (
    *(
        Person(f"demo-officer-{n}", "officer", STATIONS[(n - 1) // 4], f"民警 示例{name}", f"90000{n}")
        for n, name in enumerate("甲乙丙丁戊己庚辛", start=1)
    ),
    Person("demo-reviewer", "reviewer", BUREAU, "法制员"),
    Person("demo-supervisor", "supervisor", BUREAU, "督察"),
    Person("demo-head", "head", BUREAU, "分局领导"),
    Person("demo-custodian", "custodian", BUREAU, "保管员"),
    Person("demo-auditor", "auditor", BUREAU, "审计员"),
    Person("demo-admin", "admin", BUREAU, "管理员"),
)
_OFFICERS: Final = PEOPLE[:8]


def incident_number(place: int) -> str:
    """Name the incident at a place in the list, 0 being the latest."""
    return f"JQ-DEMO-{place + 1:03d}"


CASES: Final = ("AJ-DEMO-1", "AJ-DEMO-2", "AJ-DEMO-3", "AJ-DEMO-4", "示例公(刑)立字〔演示〕5号")
NO_RECORDING: Final = incident_number(_SILENT)
TWO_OFFICERS: Final = incident_number(_CROWDED)
TWO_INCIDENTS: Final = (incident_number(_SHARED), incident_number(_SECOND))


def plan(began: datetime) -> World:
    """Lay the world out so that it ends at `began`, the moment when the demonstration was first started."""
    began = began.astimezone(ZONE).replace(microsecond=0)
    clips = [clip for place in range(INCIDENTS) for clip in _filmed(began, place)]
    return World(
        began=began,
        people=PEOPLE,
        shifts=tuple(_shift(began, place) for place in range(INCIDENTS)),
        incidents=MappingProxyType({incident_number(place): _incident(began, place) for place in range(INCIDENTS)}),
        cases=MappingProxyType(_cases(began)),
        clips=(*_interviews(began), *clips, *_strays(began)),
    )


def _dispatched(began: datetime, place: int) -> datetime:
    if place == _LATE_PLACE:
        return began - LATE - timedelta(minutes=15)
    if place == _SECOND:
        return _dispatched(began, _SHARED) + timedelta(minutes=15)
    return began - timedelta(hours=3, minutes=place * 17 % 50) - place * SPACING


def _officer(place: int) -> Person:
    return _OFFICERS[(_SHARED if place == _SECOND else place) % len(_OFFICERS)]


def _partner(place: int) -> Person:
    """Another officer of the same station."""
    at = place % len(_OFFICERS)
    return _OFFICERS[at // 4 * 4 + (at + 1) % 4]


def _camera(place: int) -> str:
    half = len(CAMERAS) // len(STATIONS)
    return CAMERAS[STATIONS.index(_officer(place).unit) * half + place % half]


def _dock(officer: Person) -> str:
    return DOCKS[STATIONS.index(officer.unit)]


def _shift(began: datetime, place: int) -> Shift:
    start = _dispatched(began, place) - timedelta(hours=1)
    officer = _officer(place).number or ""
    return Shift(_camera(place), officer, start, start + timedelta(hours=2))


def _incident(began: datetime, place: int) -> dict[str, Any]:
    dispatched, officer = _dispatched(began, place), _officer(place)
    sent = [officer, _partner(place)] if place == _CROWDED else [officer]
    return {
        "unit": officer.unit,
        "type": _KINDS[place % len(_KINDS)],
        "reported_at": (dispatched - timedelta(minutes=3)).isoformat(),
        "dispatched_at": dispatched.isoformat(),
        "arrived_at": (dispatched + timedelta(minutes=10)).isoformat(),
        "cleared_at": (dispatched + timedelta(minutes=40)).isoformat(),
        "officers": [person.number for person in sent],
        "place": {
            "name": f"{_STREETS[place % len(_STREETS)]}{place * 7 % 90 + 1}号",
            "lat": round(34.20 + place * 0.003, 4),
            "lon": round(108.90 + place % 9 * 0.011, 4),
        },
    }


def _cases(began: datetime) -> dict[str, dict[str, Any]]:
    titles = ("示例路口交通纠纷案", "演示商店盗窃案", "虚构小区邻里纠纷案", "样板酒吧打架斗殴案", "测试公司诈骗案")
    kinds = ("行政", "刑事", "行政", "行政", "刑事")
    members = ((0, 8), (1, 9, 14), (2, 17), (3, 20), (4, 26, 29))
    return {
        number: {
            "unit": _officer(places[0]).unit,
            "title": title,
            "kind": kind,
            "stage": "立案" if kind == "刑事" else "受案",
            "accepted_at": (_dispatched(began, places[0]) + timedelta(hours=1)).isoformat(),
            "officers": [_officer(places[0]).number],
            "incidents": [incident_number(place) for place in places],
        }
        for number, title, kind, places in zip(CASES, titles, kinds, members, strict=True)
    }


_LATE_PLACE: Final = 4
_CODINGS: Final[Mapping[int, Coding]] = MappingProxyType({14: "hevc-g711", 17: "uneven"})
_FAULTS: Final[Mapping[int, str]] = MappingProxyType(
    {_LATE_PLACE: "late-upload", _CROWDED: "two-officers", _SHARED: "two-incidents",
     14: "hevc-g711", 17: "uneven-rate", 20: "camera-clock",
     26: "two-docks", 29: "unknown-device", 32: "chinese-name", 33: "rtl-name"}
)  # fmt: skip
_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {32: "现场录像 第一段（示例路口·东侧）.mp4", 33: "תיעוד לדוגמה تسجيل تجريبي.mp4"}
)


def _filmed(began: datetime, place: int) -> Iterator[Clip]:
    """Give the files of one incident. Every second one names its officer; of the others the roster tells."""
    if place in {_SILENT, _SECOND}:
        return
    fault, coding = _FAULTS.get(place), _CODINGS.get(place, "usual")
    seconds = 12 if place in {_LATE_PLACE, _CROWDED} else 8 + place % 5
    start = _dispatched(began, place) + timedelta(minutes=16, seconds=place * 7)
    if place == _LATE_PLACE:
        start = began - LATE - timedelta(seconds=seconds)
    officer, device = _officer(place), UNKNOWN_CAMERA if place == 29 else _camera(place)
    names_officer = place % 2 == 0 or place in {29, _SHARED}
    clock = start + CLOCK_AHEAD if fault == "camera-clock" else start
    clip = _clip(_dock(officer), device, start, Scene(clock, seconds, place, coding), fault=fault)
    clip = replace(
        clip,
        name=_NAMES.get(place, clip.name),
        told={**clip.told, **({"officer": officer.number or ""} if names_officer else {})},
    )
    yield clip
    if fault == "two-docks":
        yield replace(clip, dock=next(dock for dock in DOCKS if dock != clip.dock))
    if fault == "two-officers":
        later, other = start + timedelta(seconds=seconds - TOGETHER_S), _partner(place)
        beside = _clip(clip.dock, _camera(place + 1), later, Scene(later, seconds, 100 + place), fault=fault)
        yield replace(beside, told={**beside.told, "officer": other.number or ""})


def _strays(began: datetime) -> Iterator[Clip]:
    """Give the files that belong to no incident: broken ones, and one that names its case."""
    spoilings: tuple[tuple[int, str, Coding, Spoiling], ...] = (
        (6, "no-index", "usual", "no-index"),
        (7, "truncated", "fast-start", "truncated"),
        (9, "text-file", "usual", "text"),
        (10, "wrong-digest", "usual", "none"),
        (13, "given-case", "usual", "none"),
    )
    for place, fault, coding, spoiling in spoilings:
        start, officer = _dispatched(began, place) + timedelta(hours=4), _officer(place)
        clip = _clip(_dock(officer), _camera(place), start, Scene(start, 9, 200 + place, coding), fault=fault)
        more = {"wrong-digest": {"sha256": "0" * 64}, "given-case": {"case": CASES[2]}}.get(fault, {})
        told = {**clip.told, "officer": officer.number or "", **more}
        yield replace(clip, told=told, spoiling=spoiling)


def _interviews(began: datetime) -> Iterator[Clip]:
    """Give the files of two interviews: one that was interrupted, in two channels, and a whole one in three."""
    first = _dispatched(began, 0) + timedelta(hours=1)
    again = first + timedelta(seconds=24) + INTERRUPTION
    second = _dispatched(began, 1) + timedelta(hours=1, minutes=30)
    for room, session, case, channels, starts, officer in (
        (0, "DEMO-XW-1", CASES[0], ("全景", "特写"), (first, again), _OFFICERS[2]),
        (1, "DEMO-XW-2", CASES[1], ("全景", "特写", "记录"), (second,), _OFFICERS[6]),
    ):
        for number, start in enumerate(starts, start=1):
            for place, channel in enumerate(channels):
                scene = Scene(start, 24 if number == 1 else 16, 300 + room * 10 + place)
                clip = _clip(DOCKS[room], ROOMS[room], start, scene, fault="interview-gap" if len(starts) > 1 else None)
                told = {**clip.told, "kind": "interview", "session": session, "channel": channel, "case": case}
                name = f"{session}_{channel}_{number}.mp4"
                yield replace(clip, name=name, told={**told, "officer": officer.number or ""})


def _clip(dock: str, device: str, start: datetime, scene: Scene, *, fault: str | None) -> Clip:
    name = f"{device}_{start:%Y%m%d_%H%M%S}.{ending(scene.coding)}"
    return Clip(dock, name, scene, {"device": device, "kind": "body", "started_at": start.isoformat()}, fault)
