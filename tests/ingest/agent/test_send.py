"""The agent against a small real server with faults."""

import hashlib
import json
import os
import threading

import pytest

from services.errors import Invalid
from services.ingest.agent.options import Pieces
from tests.ingest.agent.door import Answer, Cut, Run, run_send, write


def test_every_file_arrives_whole_and_is_reported_once_with_digest_and_recording(door, served, folder, state_folder):
    contents = {f"{n}.mp4": write(folder / f"{n}.mp4", n * 300_000 + 1, n) for n in range(1, 6)}

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert {u.name: bytes(u.data) for u in door.uploads} == contents
    assert len(run.lines) == 5
    line = next(line for line in run.lines if "3.mp4" in line)
    assert line.split()[:3] == [
        "verified",
        hashlib.sha256(contents["3.mp4"]).hexdigest()[:12],
        f"rec-{door.of('3.mp4')[0].number}",
    ]


def test_name_time_type_and_digest_always_travel(door, served, folder, state_folder):
    content = write(folder / "a.mp4", 10)
    os.utime(folder / "a.mp4", ns=(0, 1_700_000_000_250_000_000))

    run_send([folder], served.url, state_folder, metadata={"officer": "610123"})

    assert door.uploads[0].metadata == {
        "filename": "a.mp4",
        "filetype": "video/mp4",
        "file_mtime": "2023-11-14T22:13:20.250000+00:00",
        "sha256": hashlib.sha256(content).hexdigest(),
        "officer": "610123",
    }


def test_a_sidecar_speaks_for_its_file_and_wins_over_the_options(door, served, folder, state_folder):
    write(folder / "a.mp4", 10)
    write(folder / "b.mp4", 10, 2)
    told = {"officer": "民警一", "case": "陕公(刑)〔2026〕1号", "channel": 2, "note": "夜间"}
    (folder / "a.mp4.huisu.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")

    run_send([folder], served.url, state_folder, metadata={"officer": "1", "device": "D1"})

    first, second = door.of("a.mp4")[0].metadata, door.of("b.mp4")[0].metadata
    assert (first["officer"], first["device"], first["channel"], first["note"]) == ("民警一", "D1", "2", "夜间")
    assert first["case"] == told["case"]
    assert (second["officer"], "case" in second) == ("1", False)


def test_a_digest_stated_by_the_camera_is_sent_as_stated_and_a_refusal_is_final(door, served, folder, state_folder):
    write(folder / "a.mp4", 10)
    (folder / "a.mp4.huisu.json").write_text(json.dumps({"sha256": "00" * 32}))
    door.endings["a.mp4"] = ("quarantined", "the declared SHA-256 differs")

    run = run_send([folder], served.url, state_folder)

    assert door.uploads[0].metadata["sha256"] == "00" * 32
    assert (run.state("a.mp4"), run.reason("a.mp4")) == ("quarantined", "the declared SHA-256 differs")
    assert not run.report.is_success


@pytest.mark.parametrize("name", ["审讯录像 第一段.mp4", "תיעוד ערב.mp4", "[red]a[bold] b,c.mp4", "é" * 125 + ".mp4"])
def test_names_of_any_script_arrive_as_they_are(door, served, folder, state_folder, name):
    write(folder / name, 10)

    run = run_send([folder], served.url, state_folder)

    assert [upload.name for upload in door.uploads] == [name]
    assert name in run.lines[0]


def test_a_name_of_300_signs_travels_by_sidecar(door, served, folder, state_folder):
    write(folder / "a.mp4", 10)
    (folder / "a.mp4.huisu.json").write_text(json.dumps({"filename": "录" * 296 + ".mp4"}))

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert door.uploads[0].name == "录" * 296 + ".mp4"


def test_a_name_that_is_not_utf8_is_read_as_chinese_cards_write_it(door, served, folder, state_folder):
    with open(os.fsencode(folder) + "/录像".encode("gb18030") + b".mp4", "wb") as file:
        file.write(b"x")

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert door.uploads[0].name == "录像.mp4"


def test_an_empty_file_is_complete_when_it_is_created(door, served, folder, state_folder):
    (folder / "empty.mp4").touch()

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert not [method for method, _ in door.requests if method == "PATCH"]


def test_never_more_than_four_at_once_and_interviews_first_then_the_oldest(door, served, folder, state_folder):
    door.pause_s = 0.005
    for n in range(10):
        write(folder / f"{n}.mp4", 400_000, n)
        kind = "interview" if n in (3, 7) else "body"
        told = {"kind": kind, "started_at": f"2026-03-01T0{9 - n}:00:00+08:00"}
        (folder / f"{n}.mp4.huisu.json").write_text(json.dumps(told))

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert 2 <= door.most_running <= 4
    assert set(door.order[:4]) == {"7.mp4", "3.mp4", "9.mp4", "8.mp4"}
    assert door.order[-1] in {"0.mp4", "1.mp4", "2.mp4", "4.mp4"}


def test_one_at_a_time_keeps_the_exact_order(door, served, folder, state_folder):
    for n, (name, kind) in enumerate([("c.mp4", ""), ("b.mp4", "interview"), ("a.mp4", "interview"), ("d.mp4", "")]):
        write(folder / name, 10, n)
        os.utime(folder / name, (0, 1_700_000_000 + n))
        (folder / f"{name}.huisu.json").write_text(json.dumps({"kind": kind}))

    run_send([folder], served.url, state_folder, parallel=1)

    assert [upload.name for upload in door.uploads] == ["b.mp4", "a.mp4", "c.mp4", "d.mp4"]


def test_a_broken_line_goes_on_from_the_archives_offset(door, served, folder, state_folder, fake):
    content = write(folder / "a.mp4", 3_000_000)
    door.script["PATCH"] = [Cut(700_000), Cut(1_100_001)]

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert bytes(door.uploads[0].data) == content
    offsets = [int(headers["upload-offset"]) for method, headers in door.requests if method == "PATCH"]
    assert offsets == [0, 700_000, 1_800_001]


def test_a_lost_last_answer_does_not_send_again(door, served, folder, state_folder, fake):
    write(folder / "a.mp4", 50_000)
    door.script["PATCH"] = [Cut(50_000)]
    door.on_bytes = lambda upload: setattr(upload, "state", "received") if upload.offset == upload.length else None

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert door.received_bytes == 50_000
    assert len(door.uploads) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "GET"])
@pytest.mark.parametrize(("status", "wish"), [(503, "77"), (429, "41")])
def test_retry_after_is_honoured(door, served, folder, state_folder, fake, method, status, wish):
    content = write(folder / "a.mp4", 1000)
    door.script[method] = [Answer(status, {"Retry-After": wish})]

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert bytes(door.uploads[0].data) == content
    if method != "GET":  # the state is asked for all files in turn; only the first three wait for one file
        assert [pause for pause in fake.sleeps if int(wish) <= pause <= int(wish) * 1.1 + 1e-6]


def test_without_a_wish_the_pauses_grow(door, served, folder, state_folder, fake):
    write(folder / "a.mp4", 1000)
    door.script["POST"] = [Answer(500)] * 8

    run = run_send([folder], served.url, state_folder, fake=fake)

    pauses = [pause for pause in fake.sleeps if pause > 0.21]
    assert run.report.is_success
    assert len(pauses) == 8
    assert pauses[0] <= 0.5
    assert 15 <= pauses[-1] <= 30


def test_patience_ends_and_the_file_is_unsent_not_lost(door, served, folder, state_folder, fake):
    write(folder / "a.mp4", 1000)
    served.stop()

    run = run_send([folder], served.url, state_folder, fake=fake, give_up_after_s=3600)
    served.start()
    again = run_send([folder], served.url, state_folder)

    assert run.state("a.mp4") == "unsent"
    assert "no answer" in run.reason("a.mp4")
    assert 3500 < fake.now < 3700
    assert again.report.is_success


def test_an_offset_the_archive_denies_is_asked_again(door, served, folder, state_folder, fake):
    content = write(folder / "a.mp4", 200_000)
    door.script["PATCH"] = [Answer(409, problem={"code": "offset-mismatch", "detail": "no"}), Answer(423)]

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert bytes(door.uploads[0].data) == content


def test_pieces_carry_their_checksum_and_a_spoiled_one_is_sent_again(door, served, folder, state_folder, fake):
    content = write(folder / "a.mp4", 250_000)
    door.script["PATCH"] = [Answer(460, problem={"code": "checksum-mismatch", "detail": "no"})]

    run = run_send([folder], served.url, state_folder, fake=fake, cut=Pieces(100_000, checksummed=True))

    patches = [headers for method, headers in door.requests if method == "PATCH"]
    assert run.report.is_success
    assert [int(headers["upload-offset"]) for headers in patches] == [0, 0, 100_000, 200_000]
    assert all(headers["upload-checksum"].startswith("sha256 ") for headers in patches)
    assert bytes(door.uploads[0].data) == content


def test_a_definite_refusal_ends_the_file_with_code_and_detail_and_the_others_go_on(door, served, folder, state_folder):
    for n in range(3):
        write(folder / f"{n}.mp4", 1000, n)
    door.script["POST"] = [Answer(413, problem={"code": "too-large", "detail": "1000 bytes, 10 are taken"})]

    run = run_send([folder], served.url, state_folder, parallel=1)

    refused = [outcome for outcome in run.report.outcomes if outcome.state == "refused"]
    assert len(refused) == 1
    assert refused[0].reason.startswith("too-large: 1000 bytes, 10 are taken")
    assert sum(outcome.state == "verified" for outcome in run.report.outcomes) == 2


def test_a_refused_token_ends_all_files_at_once(door, served, folder, state_folder):
    for n in range(8):
        write(folder / f"{n}.mp4", 1000, n)

    run = run_send([folder], served.url, state_folder, token="wrong")

    assert {outcome.state for outcome in run.report.outcomes} == {"refused"}
    assert "unauthenticated: unknown token" in run.reason("5.mp4")
    assert len(door.requests) <= 8


def test_a_redirect_is_not_followed_with_the_token(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    door.script["POST"] = [Answer(307, {"Location": "http://127.0.0.2:1/elsewhere"})]

    run = run_send([folder], served.url, state_folder)

    assert run.state("a.mp4") == "refused"
    assert "127.0.0.2" in run.reason("a.mp4")


def test_a_second_run_sends_nothing_again(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    run_send([folder], served.url, state_folder)

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert len(door.uploads) == 1
    assert door.received_bytes == 1000


@pytest.mark.parametrize("change", ["bytes with the old time", "time"])
def test_a_file_that_changed_since_is_another_upload(door, served, folder, state_folder, change):
    path = folder / "a.mp4"
    write(path, 1000)
    old = path.stat()
    run_send([folder], served.url, state_folder)
    if change == "time":
        os.utime(path, ns=(0, old.st_mtime_ns + 1))
    else:
        write(path, 1000, 2)
        os.utime(path, ns=(0, old.st_mtime_ns))

    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert len(door.uploads) == 2
    assert bytes(door.uploads[1].data) == path.read_bytes()


@pytest.mark.parametrize("kind", ["grows", "is rewritten", "is truncated"])
def test_a_file_that_changes_while_it_is_sent_is_refused(door, served, folder, state_folder, kind):
    path = folder / "a.mp4"
    write(path, 6_000_000)
    done = threading.Event()

    def disturb(upload) -> None:
        if upload.offset > 100_000 and not done.is_set():
            done.set()
            if kind == "grows":
                with path.open("ab") as file:
                    file.write(b"more")
            elif kind == "is truncated":
                os.truncate(path, 1000)
            else:
                with path.open("r+b") as file:
                    file.write(b"other")

    door.on_bytes = disturb
    door.pause_s = 0.002
    run = run_send([folder], served.url, state_folder)

    assert run.state("a.mp4") == "refused"
    assert "changed while being sent" in run.reason("a.mp4")


def test_a_file_that_changes_before_it_is_verified_is_refused(door, served, folder, state_folder):
    path = folder / "a.mp4"
    write(path, 1000)
    door.on_bytes = lambda upload: threading.Timer(0.1, path.write_bytes, [b"y" * 1000]).start()
    door.looks_until_verified = 3

    run = run_send([folder], served.url, state_folder, is_real_time=True)

    assert run.state("a.mp4") == "refused"
    assert "changed while being sent" in run.reason("a.mp4")


def test_verified_with_another_digest_is_an_error(door, served, folder, state_folder):
    content = write(folder / "a.mp4", 1000)
    door.digests["a.mp4"] = "ab" * 32

    run = run_send([folder], served.url, state_folder)

    assert run.state("a.mp4") == "refused"
    assert (
        run.reason("a.mp4")
        == f"digest differs: {hashlib.sha256(content).hexdigest()} was sent, the archive has {'ab' * 32}"
    )


def test_an_expired_upload_is_sent_again_once(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    write(folder / "b.mp4", 1000, 2)
    door.endings["a.mp4"] = ("expired", "seven days are over")
    door.on_bytes = lambda upload: door.endings.pop("b.mp4", None) if len(door.of("b.mp4")) > 1 else None
    door.endings["b.mp4"] = ("expired", "seven days are over")

    run = run_send([folder], served.url, state_folder)

    assert (run.state("a.mp4"), run.state("b.mp4")) == ("expired", "verified")
    assert (len(door.of("a.mp4")), len(door.of("b.mp4"))) == (2, 2)


@pytest.mark.parametrize("moment", ["between runs", "while sending"])
def test_an_upload_that_is_gone_is_begun_again(door, served, folder, state_folder, fake, moment):
    content = write(folder / "a.mp4", 1_000_000)
    if moment == "between runs":
        run_send([folder], served.url, state_folder)
        door.uploads[0].state = "gone"
    else:
        door.script["PATCH"] = [Cut(300_000)]
        door.on_bytes = lambda upload: setattr(upload, "state", "gone") if upload.number == 0 else None

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert [upload.state for upload in door.uploads] == ["gone", "verified"]
    assert bytes(door.uploads[1].data) == content


def test_an_upload_of_another_token_is_begun_again(door, served, folder, state_folder, fake):
    write(folder / "a.mp4", 1000)
    door.script["HEAD"] = [Answer(403)]
    door.script["GET"] = [Answer(403)]

    run = run_send([folder], served.url, state_folder, fake=fake)

    assert run.report.is_success
    assert len(door.uploads) == 2


def test_a_lost_answer_to_the_creation_repeats_the_same_attempt(door, served, folder, state_folder, fake):
    write(folder / "a.mp4", 1000)
    door.script["POST"] = [Answer(502), Answer(502)]

    run_send([folder], served.url, state_folder, fake=fake)

    attempts = {headers["idempotency-key"] for method, headers in door.requests if method == "POST"}
    assert len(attempts) == 1


def test_the_archive_may_restart_in_the_middle(door, served, folder, state_folder):
    contents = {f"{n}.mp4": write(folder / f"{n}.mp4", 2_000_000, n) for n in range(4)}
    door.pause_s = 0.004
    restarts: list[threading.Thread] = []

    def restart(_upload) -> None:
        if door.received_bytes > 2_500_000 and not restarts:
            restarts.append(threading.Thread(target=lambda: (served.stop(), served.start())))
            restarts[0].start()

    door.on_bytes = restart
    run = run_send([folder], served.url, state_folder, is_real_time=True)
    restarts[0].join()

    assert run.report.is_success
    assert {upload.name: bytes(upload.data) for upload in door.uploads} == contents
    assert len(door.uploads) == 4


def test_many_waiting_files_are_asked_about_sparingly(door, served, folder, state_folder, fake):
    for n in range(30):
        write(folder / f"{n}.mp4", 10, n)
    door.looks_until_verified = 6

    run = run_send([folder], served.url, state_folder, fake=fake)

    asked = sum(method == "GET" for method, _ in door.requests)
    assert run.report.is_success
    assert asked == 180
    assert fake.now >= 180 / 10 * 0.2 - 0.5


def test_proxies_of_the_environment_do_not_stand_before_loopback(door, served, folder, state_folder, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    write(folder / "a.mp4", 10)

    assert run_send([folder], served.url, state_folder).report.is_success


def test_nothing_is_written_beside_the_footage_and_nothing_goes(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    (folder / "a.mp4.huisu.json").write_text("{}")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    run_send([folder], served.url, state_folder)

    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
    assert all("Bearer" not in path.read_text() for path in (state_folder / "uploads").iterdir())


def test_a_mistyped_path_is_no_success(served, folder, state_folder):
    with pytest.raises(Invalid, match="no such file"):
        run_send([folder / "nothing"], served.url, state_folder)


def test_a_folder_without_footage_has_nothing_left_to_do(door, served, folder, state_folder):
    run = run_send([folder], served.url, state_folder)

    assert run.report.is_success
    assert run.report.summary == "0 of 0 verified"


def test_watching_sends_what_appears_and_waits_for_what_still_grows(door, served, folder, state_folder):
    write(folder / "a.mp4", 1000)
    stop = threading.Event()
    result: list[Run] = []
    agent = threading.Thread(
        target=lambda: result.append(
            run_send(
                [folder],
                served.url,
                state_folder,
                stop=stop,
                is_real_time=True,
                watch=True,
                settle_s=2,
                scan_every_s=0.05,
            )
        )
    )
    agent.start()
    growing = folder / "b.mp4"
    for _ in range(8):
        with growing.open("ab") as file:
            file.write(b"x" * 100)
        stop.wait(0.1)
    assert not door.of("b.mp4")
    for _ in range(600):
        if door.of("b.mp4") and all(upload.state == "verified" for upload in door.uploads):
            break
        stop.wait(0.05)
    stop.wait(0.3)
    stop.set()
    agent.join(10)

    # Both are still at about the same time, so either may go first; each goes once, whole.
    assert sorted((u.name, u.length) for u in door.uploads) == [("a.mp4", 1000), ("b.mp4", 800)]
    assert result[0].report.is_success


def test_an_unexpected_fault_of_ours_is_not_waited_for(door, served, folder, state_folder):
    write(folder / "a.mp4", 10)

    def broken_clock_later(calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) > 3:
            raise ZeroDivisionError
        return 0.0

    fake = type("Fake", (), {"clock": staticmethod(broken_clock_later), "sleep": staticmethod(lambda s: None)})

    with pytest.raises(ZeroDivisionError):
        run_send([folder], served.url, state_folder, fake=fake)
