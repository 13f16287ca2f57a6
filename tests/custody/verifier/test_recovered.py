"""What was brought back by a recovery is exported, and both programs say plainly what is not proven of it any more."""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.accounts import people
from services.accounts.models import User
from services.bootstrap import Archive
from services.custody.package.build import File
from services.custody.package.texts import contents_text
from services.custody.verifier.verify import WORDS, main, told_of, verify
from services.index.models import Upload
from services.ingest.recovery.run import recover
from services.ingest.recovery.signed import last_signed
from tests.api.site import serve
from tests.archive_fixture import Empty, HeldClock, open_for_test
from tests.custody.packages import RECORDINGS, Built, write_folder, zipped
from tests.custody.signing import open_signer, served
from tests.custody.verifier.page import Browser, Findings
from tests.custody.verifier.rewriting import change, entries_of
from tests.exporting import Desk, running_log
from tests.flows.pipeline import Dock
from tests.footage import make_footage

ITEMS: tuple[dict[str, Any], ...] = (
    {"kind": "original"},
    {"kind": "verbatim", "start": "1", "end": "2"},
    {"kind": "still", "start": "1"},
)


@contextmanager
def working(archive: Archive, clock: HeldClock, dock: Dock, recording: str) -> Iterator[Desk]:
    """Run the log and its signer, and serve."""
    paths = archive.settings.paths
    with (
        open_signer(paths.signer) as one,
        served(one, paths.signer_socket) as signer,
        running_log(archive, signer),
        serve(archive) as site,
    ):
        yield Desk(archive, clock, site, dock, signer, recording, recording, recording, site.as_user("li"))


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Lose the database a day after a recording came in and was exported, and recover."""
    home, clock = tmp_path_factory.mktemp("desk"), HeldClock()
    database, before, films = empty_sqlite.sqlite(home), home / "before.db", tmp_path_factory.mktemp("films")
    film = make_footage(films / "现场.mp4", frames=96, rate="24", size=(160, 90))
    with open_for_test(home, database, clock) as archive:
        dock = Dock(archive)
        with archive.work() as work:
            people.add_user(work, "li", role="reviewer", unit="st1", actor="test")
            for name in ("zhao", "qian"):
                people.add_user(work, name, role="custodian", unit="root", actor="test")
        archive.engine.dispose()
        shutil.copyfile(home / "archive.db", before)
        sent: Upload = dock.send(film, officer="900001", device="cam-1", kind="body")
        assert sent.recording_id is not None
        with working(archive, clock, dock, sent.recording_id) as opened:
            opened.make(films, {"recording": sent.recording_id, "kind": "original"})
        dock.close()
    for lost in home.glob("archive.db*"):
        lost.unlink()
    shutil.copyfile(before, home / "archive.db")
    clock.advance(86_400)
    with open_for_test(home, database, clock) as archive:
        with archive.reading() as session:
            one, other = session.scalars(select(User).where(User.role == "custodian").order_by(User.name)).all()
        recover(archive, last_signed(archive.settings), (one, other))
        dock = Dock.__new__(Dock)
        dock.archive = archive
        dock.work()
        with working(archive, clock, dock, sent.recording_id) as opened:
            yield opened


def said(path: Path) -> Findings:
    return sorted((one[0], one[1], one[2]) for one in verify(str(path)).findings)


@pytest.fixture(scope="module")
def package(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return desk.make(tmp_path_factory.mktemp("package"), *({"recording": desk.film, **one} for one in ITEMS))


def resealed(desk: Desk, files: dict[str, bytes]) -> dict[str, bytes]:
    """Sign the list of changed files with the log's own key, as a dishonest archive can."""
    export = json.loads(files["package.json"])["export"]
    listed = [File.of(name, content).listed for name, content in files.items() if name != "contents.txt"]
    return {**files, "contents.txt": desk.signer.package(contents_text(export, 1, 1, listed))}


@pytest.mark.browser
def test_a_recovered_recording_is_exported_and_nothing_passes_that_rests_on_what_is_lost(
    desk: Desk, package: Path, page: Browser
) -> None:
    with zipfile.ZipFile(package) as opened:
        entries = json.loads(opened.read(f"history/{desk.film}.json"))["entries"]
        report = opened.read("report.html").decode()
    kinds = [json.loads(one["entry"])["t"] for one in entries]
    lost = [n for n, one in enumerate(entries) if one["fields"] is None]

    ours = said(package)

    assert kinds[0] == "rec.ingest"
    assert lost == list(range(kinds.index("rec.rebuild")))
    assert "rec.export" in [kinds[n] for n in lost]
    assert page.judge_zip(package.read_bytes()) == ours
    assert not [one for one in ours if one[0] == "FAIL"]
    assert {one for one in ours if one[1] in ("ORIGIN", "HISTORY")} == {
        ("NOT CHECKED", "ORIGIN", "origin-rebuilt"), ("NOT CHECKED", "ORIGIN", "origin-frames"),
        ("NOT CHECKED", "ORIGIN", "origin-still"), ("NOT CHECKED", "HISTORY", "history-lost"),
    }  # fmt: skip
    assert {("PASS", "LOGGED", "logged-ok"), ("PASS", "FILE", "file-ok"), ("PASS", "CONTENTS", "contents-ok")} <= set(
        ours
    )
    assert f"the values of {len(lost)} entries were lost" in report


def test_what_is_lost_is_said_in_plain_words_in_both_languages(
    desk: Desk, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = desk.entries(desk.film, "rec.rebuild")[0].entry.n - 1

    told = {}
    for lang in ("zh", "en"):
        assert main([str(package), "--lang", lang]) == 0
        told[lang] = capsys.readouterr().out

    assert f"the values of entries 0-{last} are lost, so what these said is not proven" in told["en"]
    assert f"第 0-{last} 条的内容已丢失，其所述无从核对" in told["zh"]
    assert "NOT CHECKED ORIGIN     items/001.mp4: the values of the first entry are lost" in told["en"]
    for number, lang in enumerate(("zh", "en")):
        open_points = told_of(verify(str(package)), number, None, "")["not_proven"]
        behind = told[lang].split(WORDS["open"][number].split("|")[0])[1]
        assert [one for one in open_points if f"  - {one}" not in behind] == []
        assert len(open_points) == len(WORDS["open"][number].split("|")[1:]) + 4


def other_rebuild(told: Any) -> None:
    """Hide what the rebuild says."""
    entries_of(told, "rec.rebuild")[0]["fields"] = None


def other_essence(told: Any) -> None:
    for one in entries_of(told, "rec.essence"):
        one["fields"] = None


def own_export(told: Any) -> None:
    entries_of(told, "rec.export")[-1]["fields"] = None


FORGOTTEN: dict[str, tuple[Callable[[Any], None], set[tuple[str, str]]]] = {
    "the rebuild": (other_rebuild, {("ORIGIN", "origin-not")}),
    "the frames": (other_essence, {("ORIGIN", "origin-root")}),
    "this export": (own_export, {("FILE", "no-export-entry"), ("HISTORY", "chain-end")}),
}


@pytest.mark.browser
@pytest.mark.parametrize("case", FORGOTTEN)
def test_what_the_package_needs_must_not_be_called_lost(
    desk: Desk, package: Path, page: Browser, case: str, tmp_path: Path
) -> None:
    alter, wanted = FORGOTTEN[case]
    with zipfile.ZipFile(package) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files, f"history/{desk.film}.json", alter)
    path = zipped(resealed(desk, files), tmp_path / "p.zip")

    ours = said(path)

    assert {one[1:] for one in ours if one[0] == "FAIL"} == wanted
    assert page.judge_zip(path.read_bytes()) == ours


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["rec.ingest", "rec.essence", "rec.view.start", "rec.export"])
def test_whoever_deletes_what_an_entry_says_gets_no_pass_for_it(
    built: Built, page: Browser, kind: str, tmp_path: Path
) -> None:
    """An ordinary package: nothing was lost, and no rebuild can stand in for what is taken away."""
    files = dict(built.files)
    change(files, f"history/{RECORDINGS[0]}.json", lambda told: entries_of(told, kind)[0].update(fields=None))
    sealed_files = replace(built, files=files).sealed()
    folder = write_folder(sealed_files, tmp_path / "p")
    page.load(sealed_files)

    report = verify(str(folder))
    ours = sorted((one[0], one[1], one[2]) for one in report.findings)

    assert page.judge({}) == ours
    about = [one for one in report.findings if one[3].get("recording") == RECORDINGS[0] and one[1] == "HISTORY"]
    assert [(one[0], one[2]) for one in about] == [("NOT CHECKED", "history-lost")]
    open_points = told_of(report, 1, None, "")["not_proven"]
    assert any("is not proven" in one and RECORDINGS[0] in one for one in open_points)
    wanted = {"rec.ingest": "origin-not", "rec.essence": "origin-root", "rec.export": "no-export-entry"}.get(kind)
    assert {one[2] for one in report.findings if one[0] == "FAIL"} == ({wanted} if wanted else set())
