"""Fill the archive of `huisu up --demo` through its doors, and go on where an earlier start ended."""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final

from services.bootstrap import Archive, open_archive
from services.demo.docks import Dock, arrived
from services.demo.faults import PLANTED
from services.demo.people import began, dock_token, holds_footage, login_links, settle_people
from services.demo.plan import CASES, DOCKS, STATIONS, Clip, World, plan
from services.demo.told import is_told, tell
from services.errors import HuisuError, Misconfigured
from services.settings import Settings

log = logging.getLogger(__name__)

Say = Callable[[str], None]

ROUNDS: Final = 3
"""How often files that did not come through are tried before the rest is left to the next start."""

TRY_THIS: Final = (
    ("以法制员登录，打开案件 {case}：讯问录像在时间轴上有一处 3 分 12 秒的中断。",
     "Log in as reviewer and open case {case}: its interview has a gap of 3 min 12 s on the timeline."),
    ("录像列表按“damaged”筛选：损坏的原始文件仍被完整保存。",
     "Filter the recordings by the state damaged: broken originals are kept whole."),
    ("“待确认关联”里有一段符合两起警情的录像，请选择其一。",
     "Among the link proposals a recording fits two incidents: choose one."),
    ("播放任意录像，截取几秒，再看它的流转记录：每次查看都有一行。",
     "Play a recording, cut a few seconds, then read its history: every look is a line."),
    ("以管理员登录：能管理设备，却看不到任何录像。",
     "Log in as admin: devices can be managed, no footage can be seen."),
)  # fmt: skip


def fill(settings: Settings, stop: threading.Event, *, say: Say) -> None:
    """
    Print ways in and things to try, then bring in what is missing of the demonstration, until done or `stop`.

    Runs beside the server that answers at the settings' address. What goes wrong is said in one
    line: the archive runs on.
    """
    try:
        archive = open_archive(settings)
        try:
            _fill(archive, stop, say)
        finally:
            archive.close()
    except HuisuError as error:
        log.warning("demonstration was not completed", extra={"code": error.code, "error": str(error)})
        say(f"demonstration: {error.code}: {error}")


def _fill(archive: Archive, stop: threading.Event, say: Say) -> None:
    if began(archive) is None and holds_footage(archive):
        raise Misconfigured(
            "this archive holds footage already; no invented footage is put among it: use another --home"
        )
    settle_people(archive)
    url = archive.settings.address
    _welcome(archive, url, say)
    start = began(archive)
    assert start is not None  # noqa: S101  (the people have just been settled)
    world = plan(start)
    if not is_told(archive, world):
        tell(archive, world, url)
    home = archive.settings.paths.home / "demo"
    docks = [
        Dock(name, home / name, dock_token(archive, name, unit, home / name), url)
        for name, unit in zip(DOCKS, STATIONS, strict=True)
    ]
    for _ in range(ROUNDS):
        missing = _missing(archive, world)
        if not missing or stop.is_set():
            break
        say(f"demonstration: {len(missing)} of {len(world.clips)} files are made and sent now · 正在生成并上传演示录像")
        _bring(docks, missing, stop)
    if stop.is_set():
        return
    missing = _missing(archive, world)
    if missing:
        say(f"demonstration: {len(missing)} of {len(world.clips)} files did not come through; start again to go on")
    else:
        say(
            f"demonstration: all {len(world.clips)} files came through, {len(PLANTED)} faults are planted: "
            f"huisu demo --check --home {archive.settings.paths.home} · 演示数据已就绪"
        )


def _welcome(archive: Archive, url: str, say: Say) -> None:
    say("login links, each for one login within an hour · 登录链接（各限用一次，一小时内有效）")
    for role, title, secret in login_links(archive):
        say(f"  {role:<10} {title}  {url}/login#link={secret}")
    say("try this · 不妨试试")
    for chinese, english in TRY_THIS:
        say(f"  · {chinese.format(case=CASES[0])}")
        say(f"    {english.format(case=CASES[0])}")


def _missing(archive: Archive, world: World) -> list[Clip]:
    done = arrived(archive)
    return [clip for clip in world.clips if (clip.dock, clip.name) not in done]


def _bring(docks: Sequence[Dock], clips: Sequence[Clip], stop: threading.Event) -> None:
    """Make files one by one; each dock sends beside it whatever has been made for it meanwhile."""
    queues: dict[str, SimpleQueue[Clip | None]] = {dock.name: SimpleQueue() for dock in docks}
    senders = [threading.Thread(target=_send_all, args=(dock, queues[dock.name], stop)) for dock in docks]
    for sender in senders:
        sender.start()
    try:
        by_name = {dock.name: dock for dock in docks}
        for clip in _taking_turns(clips):
            if stop.is_set():
                break
            by_name[clip.dock].place(clip)
            queues[clip.dock].put(clip)
    finally:
        for queue in queues.values():
            queue.put(None)
        for sender in senders:
            sender.join()


def _taking_turns(clips: Sequence[Clip]) -> list[Clip]:
    """Order files so that both docks have something to send at once."""
    lanes = [[clip for clip in clips if clip.dock == dock] for dock in DOCKS]
    longest = max(map(len, lanes))
    return [lane[place] for place in range(longest) for lane in lanes if place < len(lane)]


def _send_all(dock: Dock, queue: "SimpleQueue[Clip | None]", stop: threading.Event) -> None:
    is_open = True
    while is_open and not stop.is_set():
        batch = [queue.get()]
        try:
            while True:
                batch.append(queue.get_nowait())
        except Empty:
            pass
        is_open = None not in batch
        paths = [dock.card / clip.name for clip in batch if clip is not None]
        if paths:
            dock.send(paths, stop)
