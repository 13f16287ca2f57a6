"""Every recipe of docs/api.md runs as it stands, in order, against a served archive."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.accounts import tokens
from tests.api.theatre import Theatre
from tests.footage import numbers

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
RECIPES = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_recipes_are_short() -> None:
    assert len(RECIPES) >= 8
    assert max(recipe.count("\n") for recipe in RECIPES) <= 20


def test_the_recipes_work(theatre: Theatre, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this machine")
    with theatre.archive.work() as work:
        system = tokens.issue_token(work, "case-system", "integrator", "root", 1, actor="test")
        desk = tokens.issue_token(work, "review-desk", "reviewer", "root", 1, actor="test")
    told = {"U": theatre.site.url, "SYSTEM": system, "REVIEWER": desk, "RECORDING": theatre.film}
    script = "set -eu -o pipefail\n" + "\n".join(RECIPES)
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", **told},
        capture_output=True,
        text=True,
        check=False,
    )

    unlink_again(theatre)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / "original.bin").read_bytes() == theatre.film_bytes
    assert numbers((tmp_path / "clip.mp4").read_bytes()) == list(range(30, 105))
    assert "huisu-clip-frames: 30-105" in (tmp_path / "clip.headers").read_text().lower()
    assert (tmp_path / "still.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert "#EXTM3U" in done.stdout
    assert '"event":"rec.clip"' in done.stdout


def unlink_again(theatre: Theatre) -> None:
    """Leave the footage as other tests expect it: in its one case."""
    links = theatre.path("links")
    for link in theatre.reviewer.get(links).json()["items"]:
        if link["origin"] == "manual":
            assert theatre.reviewer.delete(f"{links}/{link['id']}", params={"reason": "试毕"}).status_code == 204
