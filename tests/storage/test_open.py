"""Opening a store from plain values."""

from pathlib import Path

import pytest

from services.errors import Misconfigured
from services.storage.filesystem import FolderStore
from services.storage.open import open_store
from services.storage.places import S3Place
from services.storage.s3 import S3Store


def test_opens_each_kind(tmp_path: Path) -> None:
    folder = open_store(kind="folder", path=tmp_path)
    s3 = open_store(kind="s3", endpoint="127.0.0.1:9", access_key="k", secret_key="s", spool=tmp_path)

    assert isinstance(folder, FolderStore)
    assert isinstance(s3, S3Store)
    assert not list(tmp_path.iterdir())


def test_says_what_is_missing(tmp_path: Path) -> None:
    for kind in ("folder", "s3", "tape"):
        with pytest.raises(Misconfigured, match=kind):
            open_store(kind=kind)


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    assert "hush" not in repr(S3Place("127.0.0.1:9", "key", "hush", tmp_path))
