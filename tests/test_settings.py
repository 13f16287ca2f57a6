"""Settings: environment over file over default, secrets from files, and nothing unknown passes."""

from pathlib import Path

import pytest

from services.errors import Misconfigured
from services.settings import Settings, load_settings


def test_defaults_are_an_embedded_archive_on_loopback():
    settings = load_settings({})

    assert (settings.store, settings.host, settings.broker_url) == ("folder", "127.0.0.1", None)
    assert settings.database == f"sqlite:///{Path('.huisu').absolute() / 'archive.db'}"


def test_the_environment_wins_over_the_file_and_the_caller_over_both(tmp_path):
    file = tmp_path / "huisu.toml"
    file.write_text('port = 1000\nzone = "Asia/Urumqi"\nthreads = 10\n', encoding="utf-8")

    settings = load_settings({"HUISU_CONFIG": str(file), "HUISU_PORT": "2000", "HUISU_THREADS": "20"}, threads=30)

    assert (settings.zone, settings.port, settings.threads) == ("Asia/Urumqi", 2000, 30)


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "key").write_text("hunter2\n", encoding="utf-8")

    settings = load_settings({"HUISU_S3_SECRET_KEY_FILE": str(tmp_path / "key")})

    assert settings.s3_secret_key.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HUISU_PROT": "1"}, "HUISU_PROT"),
        ({"HUISU_PORT": "many"}, "port"),
        ({"HUISU_PORT": "70000"}, "port"),
        ({"HUISU_STORE": "tape"}, "store"),
        ({"HUISU_GATE": "Tor 1"}, "gate"),
        ({"HUISU_CONFIG": "/nowhere.toml"}, "nowhere"),
        ({"HUISU_S3_SECRET_KEY_FILE": "/nowhere"}, "HUISU_S3_SECRET_KEY_FILE"),
    ],
)
def test_what_cannot_be_meant_is_named(environment, named):
    with pytest.raises(Misconfigured, match=named):
        load_settings(environment)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
