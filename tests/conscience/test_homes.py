"""Each outside package stays in its home."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "services"

HOMES = {
    "fastapi": ["api/", "ingest/", "up/listening.py"],
    "starlette": ["api/", "ingest/"],
    "uvicorn": ["up/listening.py"],
    "ffmpeg": ["media/"],
    "av": ["media/", "bench/"],
    "cv2": ["media/"],
    "imageio_ffmpeg": ["media/"],
    "minio": ["storage/"],
    "sqlalchemy": ["db.py", "sqlite.py", "jobs/", "custody/", "accounts/", "index/", "oversight/", "bootstrap.py",
                   "ingest/", "api/", "up/", "demo/", "bench/"],
    "alembic": ["index/"],
    "celery": ["queue.py", "bootstrap.py"],
    "kombu": ["queue.py"],
    "subprocess": ["media/starting.py", "media/launcher.py", "up/", "bench/", "demo/"],
    "typer": ["cli/", "ingest/agent/"],
    "rich": ["cli/", "ingest/agent/"],
    "argon2": ["accounts/"],
    "prometheus_client": ["api/"],
    "pysqlite3": ["sqlite.py"],
}  # fmt: skip


@cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(HOMES))
def test_a_package_stays_in_its_home(package):
    strays = [
        str(path.relative_to(ROOT))
        for path in sorted(ROOT.rglob("*.py"))
        if package in imported(path)
        and not any(str(path.relative_to(ROOT)).startswith(home) for home in HOMES[package])
    ]

    assert strays == []
