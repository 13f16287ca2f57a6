"""What the documents say exists, and what exists is documented."""

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from services.accounts.rights import ACTIONS, ROLES, Principal, allows
from services.cli.app import app
from services.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_is_in_the_table_with_its_default_and_meaning():
    table = dict(re.findall(r"^\| `HUISU_(\w+)` \| (.+) \|$", read("docs/operations.md"), re.MULTILINE))
    wrong = []
    for name, field in Settings.model_fields.items():
        default = field.default
        told = "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        cell = f"`{told.replace('|', '&#124;')}`" if told else "—"
        if table.pop(name.upper(), None) != f"{cell} | {(field.description or '').replace('|', '&#124;')}":
            wrong.append(name)

    assert wrong == []
    assert table == {}


@pytest.mark.parametrize("file", ["README.md", "README.zh-CN.md"])
def test_every_command_of_the_readme_exists(file):
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    used = set(re.findall(r"(?:\.venv/bin/|`)huisu ([a-z-]+)", read(file))) - {"verify"}

    assert used
    assert used <= group.commands.keys()


@pytest.mark.parametrize("file", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(file):
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    used = set(re.findall(r"`?make ([a-z-]+)", read(file)))

    assert used <= targets


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name
)
def test_every_link_between_documents_leads_somewhere(path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]

    assert missing == []


def test_the_table_of_rights_is_the_code():
    rows = re.findall(r"^\| `([a-z.]+)` \| (.*) \|$", read("docs/rights.md"), re.MULTILINE)
    table = {action: [cell.strip() == "●" for cell in cells.split("|")] for action, cells in rows if action in ACTIONS}
    sample = {role: Principal("user", "", "", role, None, None, frozenset()) for role in ROLES}

    assert table == {action: [allows(sample[role], action) for role in ROLES] for action in sorted(ACTIONS)}
