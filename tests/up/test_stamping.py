"""The hourly stamps' thread: not begun where nobody is to be asked, and never in the log's way."""

import threading

import pytest

from services.bootstrap import Archive
from services.up.stamping import start_stamping


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def with_authority(archive: Archive, url: str | None) -> Archive:
    object.__setattr__(archive, "settings", archive.settings.model_copy(update={"tsa_url": url}))
    return archive


def test_without_an_authority_nothing_is_begun(sqlite_archive: Archive) -> None:
    start_stamping(with_authority(sqlite_archive, None), threading.Event())

    assert "timestamps" not in threads()


@pytest.mark.parametrize("expects_errors", [["heads are not stamped"]])
def test_an_authority_that_cannot_be_checked_is_an_error_and_not_asked(
    sqlite_archive: Archive, expects_errors: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    start_stamping(with_authority(sqlite_archive, "http://127.0.0.1:9/"), threading.Event())

    assert "timestamps" not in threads()
    assert expects_errors[0] in {record.message for record in caplog.records}
