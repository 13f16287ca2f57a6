"""The sandbox ends what it starts, keeps its limits, and hides what a program was not given."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.errors import DeadlinePassed, ToolFailed
from services.media import running as programs
from services.media import starting
from services.media.sandbox import Limits, SandboxKind, run_child, run_program, stream_program

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]
ROOMY = Limits(wall_s=30, cpu_s=20, memory_bytes=2**30, file_bytes=2**24)


@pytest.fixture(params=["bwrap", "rlimits"])
def kind(request: pytest.FixtureRequest) -> SandboxKind:
    if request.param == "bwrap":
        return bwrap_or_skip()
    return "rlimits"


@pytest.fixture
def bwrap() -> SandboxKind:
    return bwrap_or_skip()


def bwrap_or_skip() -> SandboxKind:
    if starting.sandbox_kind() != "bwrap":
        pytest.skip("bubblewrap is missing here or may not make namespaces; only limits can be tested")
    return "bwrap"


def python(code: str, *arguments: str) -> list[str]:
    return [PYTHON, "-I", "-S", "-c", code, *arguments]


def into(lines: list[str]) -> Callable[[str], bool]:
    def keep(line: str) -> bool:
        lines.append(line)
        return True

    return keep


def running(mark: str) -> list[int]:
    """List the processes that carry `mark` in their command line and are not zombies."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def command_of(process: int) -> bytes:
    """Give the command line of a process, its words parted by zero bytes; nothing once it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_until(claim, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.05)
    return bool(claim())


def test_lines_and_last_words_and_status_arrive(kind: SandboxKind) -> None:
    lines: list[str] = []
    code = "import sys; print('one'); print('两'); print('end', end=''); sys.stderr.write('words'); sys.exit(3)"

    outcome = run_program(python(code), limits=ROOMY, kind=kind, on_line=into(lines))

    assert lines == ["one", "两", "end"]
    assert (outcome.status, outcome.last_words) == (3, "words")
    assert outcome.wall_s > 0


def test_complaints_are_heard_line_by_line(kind: SandboxKind) -> None:
    complaints: list[str] = []
    code = "import sys; sys.stderr.write('first\\n\\nsecond\\n')"

    run_program(python(code), limits=ROOMY, kind=kind, on_complaint=complaints.append)

    assert complaints == ["first", "second"]


def test_cpu_seconds_of_the_program_are_counted(kind: SandboxKind) -> None:
    code = "import time\nwhile time.process_time() < 0.5: pass"

    outcome = run_program(python(code), limits=ROOMY, kind=kind)

    assert 0.5 <= outcome.cpu_s < 2


def test_a_megabyte_of_complaints_does_not_hang(kind: SandboxKind) -> None:
    code = "import sys; sys.stderr.write('x' * 2**20 + 'last'); sys.stdout.write('y' * 2**20)"

    outcome = run_program(python(code), limits=ROOMY, kind=kind)

    assert outcome.status == 0
    assert outcome.last_words.endswith("last")
    assert len(outcome.last_words) <= programs.TAIL_BYTES


def test_memory_is_limited(kind: SandboxKind) -> None:
    limits = Limits(wall_s=30, cpu_s=20, memory_bytes=2**28, file_bytes=0)

    outcome = run_program(python("bytearray(2**29)"), limits=limits, kind=kind)

    assert outcome.status == 1
    assert "MemoryError" in outcome.last_words


def test_processor_time_is_limited(kind: SandboxKind) -> None:
    limits = Limits(wall_s=30, cpu_s=1, memory_bytes=2**28, file_bytes=0)

    outcome = run_program(python("while True: pass"), limits=limits, kind=kind)

    assert outcome.status == 128 + (signal.SIGKILL if kind == "bwrap" else signal.SIGXCPU)
    assert outcome.cpu_s < 5


def test_written_files_are_limited(kind: SandboxKind, tmp_path: Path) -> None:
    limits = Limits(wall_s=30, cpu_s=20, memory_bytes=2**28, file_bytes=1000)
    code = (
        "import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open(sys.argv[1], 'wb').write(bytes(9999))"
    )

    outcome = run_program(python(code, str(tmp_path / "out")), limits=limits, kind=kind, writable=tmp_path)

    assert outcome.status == (1 if kind == "bwrap" else 128 + signal.SIGXFSZ)
    assert (tmp_path / "out").stat().st_size == 1000


def test_open_files_are_limited(kind: SandboxKind) -> None:
    code = "import os\nwhile True: os.dup(1)"

    outcome = run_program(python(code), limits=ROOMY, kind=kind)

    assert "Too many open files" in outcome.last_words


def test_a_program_past_its_deadline_is_dead(kind: SandboxKind) -> None:
    limits = Limits(wall_s=0.5, cpu_s=20, memory_bytes=2**28, file_bytes=0)
    mark = f"mark-wall-{kind}-{os.getpid()}"

    with pytest.raises(DeadlinePassed, match=r"0\.5 s"):
        run_program(python("import time; time.sleep(60)", mark), limits=limits, kind=kind)

    assert wait_until(lambda: not running(mark))


def test_a_program_that_ignores_the_polite_signal_dies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "GRACE_S", 0.5)
    limits = Limits(wall_s=1, cpu_s=20, memory_bytes=2**28, file_bytes=0)
    mark = f"mark-stubborn-{os.getpid()}"
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"

    with pytest.raises(DeadlinePassed):
        run_program(python(code, mark), limits=limits, kind="rlimits")

    assert wait_until(lambda: not running(mark))


def test_lines_without_progress_do_not_stop_the_idle_clock(kind: SandboxKind) -> None:
    limits = Limits(wall_s=30, cpu_s=20, memory_bytes=2**28, file_bytes=0, idle_s=1)
    code = "import time\nwhile True: print('still at 0', flush=True); time.sleep(0.05)"

    with pytest.raises(DeadlinePassed, match="no progress"):
        run_program(python(code), limits=limits, kind=kind, on_line=lambda _: False)


def test_lines_with_progress_do(kind: SandboxKind) -> None:
    limits = Limits(wall_s=30, cpu_s=20, memory_bytes=2**28, file_bytes=0, idle_s=1)
    code = "import time\nfor n in range(8): print(n, flush=True); time.sleep(0.2)"

    outcome = run_program(python(code), limits=limits, kind=kind, on_line=lambda _: True)

    assert outcome.status == 0


def test_a_missing_program_is_a_failure_with_a_name(kind: SandboxKind) -> None:
    outcome = run_program(["/usr/bin/no-such-program"], limits=ROOMY, kind=kind)

    assert outcome.status != 0
    assert "no-such-program" in outcome.last_words


def test_an_error_in_the_listener_ends_the_program(kind: SandboxKind) -> None:
    mark = f"mark-listener-{kind}-{os.getpid()}"

    def refuse(line: str) -> bool:
        raise ValueError(line)

    with pytest.raises(ValueError, match="hello"):
        run_program(
            python("import time; print('hello', flush=True); time.sleep(60)", mark),
            limits=ROOMY,
            kind=kind,
            on_line=refuse,
        )

    assert wait_until(lambda: not running(mark))


@pytest.mark.parametrize("which", ["bwrap", "rlimits"])
def test_the_program_dies_with_a_parent_that_was_killed(which: str) -> None:
    if which == "bwrap":
        bwrap_or_skip()
    mark = f"mark-orphan-{which}-{os.getpid()}"
    code = (
        "import sys; from services.media.sandbox import Limits, run_program\n"
        "run_program([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(99)', sys.argv[1][::-1]],"
        f" limits=Limits(99, 9, 2**28, 0), kind={which!r})"
    )
    parent = subprocess.Popen([PYTHON, "-c", code, mark[::-1]], cwd=ROOT)
    program = "\0".join((PYTHON, "-I", "-S", "-c", "import time")).encode()  # not the one that is to start it
    assert wait_until(lambda: any(command_of(one).startswith(program) for one in running(mark)), 20)

    parent.kill()
    parent.wait()

    assert wait_until(lambda: not running(mark))


def test_output_streams_whole(kind: SandboxKind) -> None:
    code = "import sys\nfor n in range(64): sys.stdout.buffer.write(bytes([n]) * 65536)"

    with stream_program(python(code), limits=ROOMY, kind=kind) as running_program:
        got = b"".join(running_program.blocks())

    assert got == b"".join(bytes([n]) * 65536 for n in range(64))


def test_a_stream_that_fails_at_its_end_says_so(kind: SandboxKind) -> None:
    code = "import sys; sys.stdout.write('part'); sys.stdout.flush(); sys.exit('broke')"

    with stream_program(python(code), limits=ROOMY, kind=kind) as running_program:
        blocks = running_program.blocks()

        assert next(blocks) == b"part"
        with pytest.raises(ToolFailed, match="broke"):
            next(blocks)


def test_a_reader_that_leaves_ends_the_program(kind: SandboxKind) -> None:
    mark = f"mark-gone-{kind}-{os.getpid()}"
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"

    with stream_program(python(code, mark), limits=ROOMY, kind=kind) as running_program:
        next(running_program.blocks())

    assert wait_until(lambda: not running(mark))


def test_a_reader_that_stalls_does_not_keep_the_program_past_its_deadline() -> None:
    limits = Limits(wall_s=0.5, cpu_s=20, memory_bytes=2**28, file_bytes=0)
    mark = f"mark-stall-{os.getpid()}"
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"

    with stream_program(python(code, mark), limits=limits) as running_program:
        blocks = running_program.blocks()
        next(blocks)
        assert wait_until(lambda: not running(mark))

        with pytest.raises(DeadlinePassed):
            list(blocks)


def test_only_the_named_files_are_there(bwrap: SandboxKind, tmp_path: Path) -> None:
    given, hidden = tmp_path / "given.txt", tmp_path / "hidden.txt"
    given.write_text("given")
    hidden.write_text("hidden")
    code = (
        "import os, sys\nprint(open(sys.argv[1]).read())\n"
        "for path in sys.argv[2:]: print(os.path.exists(path))\n"
        "try: open(sys.argv[1], 'w')\nexcept OSError as error: print(error.strerror)"
    )
    lines: list[str] = []

    run_program(
        python(code, str(given), str(hidden), "/etc/passwd", str(Path.home()), str(ROOT)),
        limits=ROOMY,
        readable=[given],
        kind=bwrap,
        on_line=into(lines),
    )

    # the checkout may hold the virtual environment, so of it only that is seen
    assert lines[:3] == ["given", "False", "False"]
    assert lines[-1] == "Read-only file system"


def test_there_is_no_network(bwrap: SandboxKind) -> None:
    code = "import os; print(sorted(os.listdir('/sys/class/net')) if os.path.exists('/sys') else 'none')\n"
    code += "print(open('/proc/net/route').read().count('\\n'))"
    lines: list[str] = []

    run_program(python(code), limits=ROOMY, kind=bwrap, on_line=into(lines))

    assert lines == ["none", "1"]  # the heading only: no route to anywhere


def test_a_child_crash_is_a_failure_not_a_crash_of_ours() -> None:
    with pytest.raises(ToolFailed):
        run_child("services.media.no_such:target", {}, limits=ROOMY)
