"""The agent as its own process: exit codes, Ctrl-C, kill -9, memory, the screen."""

import os
import signal
import time
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.ingest.agent.command import dock_app
from services.ingest.agent.options import Options
from services.ingest.agent.send import send
from tests.ingest.agent.door import AGENT, TOKEN, Answer, Door, start_agent, write


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def test_all_verified_is_exit_0_with_one_line_per_file_on_standard_output(door, served, folder, state_folder):
    for n in range(3):
        write(folder / f"录像{n}.mp4", 1000, n)

    agent = start_agent([folder], served.url, state_folder, "--officer", "610123", "--kind", "body")
    out, err = agent.communicate(timeout=30)

    assert agent.returncode == 0, err
    assert [line.split()[0] for line in out.splitlines()] == ["verified"] * 3
    assert "录像2.mp4" in out
    assert err.splitlines()[-1] == "3 of 3 verified"
    assert {(upload.metadata["officer"], upload.metadata["kind"]) for upload in door.uploads} == {("610123", "body")}


def test_anything_else_is_exit_1(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    door.endings["a.mp4"] = ("quarantined", "its digest differs")
    arguments = ["send", str(folder), "--url", served.url, "--token", TOKEN, "--state", str(state_folder)]

    result = CliRunner().invoke(dock_app, arguments)

    assert result.exit_code == 1
    assert "quarantined" in result.stdout
    assert "its digest differs" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "name at least one"),
        (["CARD"], "--url"),
        (["CARD", "--url", "ftp://a"], "ftp://a"),
        (["CARD", "--url", "http://127.0.0.1:1", "--kind", "dog"], "'dog'"),
        (["CARD", "--url", "http://127.0.0.1:1", "--parallel", "9"], "--parallel"),
        (["CARD/missing", "--url", "http://127.0.0.1:1"], "missing"),
        (["CARD", "--url", "http://127.0.0.1:1", "--token", "a b"], "token"),
    ],
)
def test_a_mistake_in_the_call_is_one_line_and_exit_2(folder, state_folder, arguments, word):
    given = [argument.replace("CARD", str(folder)) for argument in arguments]

    result = CliRunner(env={"HUISU_DOCK_TOKEN": TOKEN}).invoke(dock_app, ["send", *given, "--state", str(state_folder)])

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert word in result.stderr
    assert result.stderr.startswith("huisu: ")


def test_the_token_may_come_from_a_file(door, served, folder, state_folder, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    write(folder / "a.mp4", 10)
    environment = {"HUISU_DOCK_TOKEN_FILE": str(tmp_path / "token"), "HUISU_DOCK_URL": served.url}

    result = CliRunner(env=environment).invoke(dock_app, ["send", str(folder), "--state", str(state_folder)])

    assert result.exit_code == 0


def test_help_shows_an_example():
    result = CliRunner().invoke(dock_app, ["send", "--help"])

    assert result.exit_code == 0
    assert "Example: huisu dock send" in result.output


def test_ctrl_c_ends_at_once_with_what_is_known(door, served, folder, state_folder):
    for n in range(6):
        write(folder / f"{n}.mp4", 3_000_000, n)
    door.pause_s = 0.05
    agent = start_agent([folder], served.url, state_folder)
    wait_for(lambda: door.received_bytes > 500_000)

    agent.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, err = agent.communicate(timeout=30)

    assert time.monotonic() - asked < 4
    assert agent.returncode == 1
    assert sorted(line.split()[0] for line in out.splitlines()) == ["unsent"] * 6
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "0 of 6 verified, interrupted"


def test_ctrl_c_is_how_watching_ends(door, served, folder, state_folder):
    agent = start_agent([folder], served.url, state_folder, "--watch")
    wait_for((state_folder / "uploads").exists)
    time.sleep(0.3)
    assert agent.poll() is None

    agent.send_signal(signal.SIGINT)
    out, err = agent.communicate(timeout=30)

    assert (agent.returncode, out, err) == (0, "", "0 of 0 verified, interrupted\n")


@pytest.mark.parametrize(("honours_attempts", "uploads"), [(True, 1), (False, 2)])
def test_killed_before_it_learns_the_address_it_leaves_at_most_an_empty_upload(
    switch, served, folder, state_folder, honours_attempts, uploads
):
    switch.door = door = Door(honours_attempts=honours_attempts)
    content = write(folder / "a.mp4", 100_000)
    agent = start_agent([folder], served.url, state_folder)
    door.on_create = lambda: os.kill(agent.pid, signal.SIGKILL)
    agent.communicate(timeout=30)
    door.on_create = lambda: None
    again = start_agent([folder], served.url, state_folder)
    out, _ = again.communicate(timeout=30)

    assert (agent.returncode, again.returncode) == (-signal.SIGKILL, 0), out
    assert len(door.uploads) == uploads
    assert [bytes(upload.data) for upload in door.uploads if upload.offset] == [content]


def test_two_agents_with_the_same_folder_send_each_file_once(door, served, folder, state_folder):
    for n in range(4):
        write(folder / f"{n}.mp4", 1_000_000, n)
    door.pause_s = 0.01

    agents = [start_agent([folder], served.url, state_folder) for _ in range(2)]
    ends = [agent.communicate(timeout=40) for agent in agents]

    assert [agent.returncode for agent in agents] == [0, 0], ends
    assert len(door.uploads) == 4
    assert all(len(out.splitlines()) == 4 for out, _ in ends)


def test_memory_stays_bounded_on_a_large_file(switch, served, folder, state_folder):
    switch.door = door = Door(keeps_bytes=False)
    with (folder / "sparse.mp4").open("wb") as file:
        file.truncate(200 << 20)
    script = f"""
import sys
try:
    {AGENT}
finally:
    print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0], file=sys.stderr)
"""

    agent = start_agent([folder], served.url, state_folder, script=script)
    _, err = agent.communicate(timeout=60)

    assert agent.returncode == 0, err
    assert door.received_bytes == 200 << 20
    assert int(err.splitlines()[-1]) < 90 * 1024, f"{err.splitlines()[-1]} KiB at most in memory"


def test_a_terminal_gets_bars_and_the_same_lines(door, served, folder, state_folder):
    for n in range(4):
        write(folder / f"[bold]{n}.mp4", 800_000, n)
    door.pause_s = 0.01
    written = StringIO()
    console = Console(file=written, force_terminal=True, width=140)

    report = send([folder], Options(served.url, TOKEN, state_folder=state_folder), console=console)

    assert report.is_success
    shown = written.getvalue()
    assert all(outcome.line in shown for outcome in report.outcomes)
    assert "MB" in shown
    assert "sending" in shown
    assert "[bold]0.mp4" in shown


def test_a_plain_log_tells_stages_and_waits(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    door.script["PATCH"] = [Answer(503, {"Retry-After": "0"})]

    agent = start_agent([folder], served.url, state_folder)
    _, err = agent.communicate(timeout=30)

    stages = [line.split(":")[0].split(" in ")[0] for line in err.splitlines()]
    assert stages == ["reading", "sending", "again", "sending", "waiting to be verified", "1 of 1 verified"]


def test_a_closed_output_breaks_nothing(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    agent = start_agent([folder], served.url, state_folder)
    assert agent.stdout
    agent.stdout.close()
    agent.wait(timeout=30)
    assert agent.stderr
    agent.stderr.close()

    assert door.uploads[0].state == "verified"
