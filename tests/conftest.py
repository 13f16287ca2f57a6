"""Shared fixtures: the corpus of real camera files, and a guard against unexpected error logs."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of real camera files, or skip and say why."""
    folder = Path(os.environ.get("HUISU_TEST_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"no corpus of camera files at {folder} (set HUISU_TEST_CORPUS)")
    return folder


@pytest.fixture
def expects_errors() -> list[str]:
    """Let a test name the error messages it expects in the log; any other fails it."""
    return []


@pytest.fixture(autouse=True)
def _no_unexpected_error_logs(caplog: pytest.LogCaptureFixture, expects_errors: list[str]) -> Iterator[None]:
    yield
    unexpected = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR
        and record.name.startswith("services")
        and record.getMessage() not in expects_errors
    ]
    assert not unexpected, f"errors were logged that the test did not expect: {unexpected}"
