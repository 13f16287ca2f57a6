"""Dependencies only go down: the table of floors, every import, every unit."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "services"

FLOORS = [
    {"errors", "digest"},
    {"media", "storage", "sqlite"},
    {"db", "queue"},
    {"custody", "jobs"},
    {"index", "accounts"},
    {"oversight"},
    {"settings"},
    {"bootstrap"},
    {"ingest", "api"},
    {"cli", "up", "bench", "demo"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

DRAWN = {
    ("index", "accounts"),  # the catalogue's rows are asked for with a person's rights in the query
    ("cli", "up"),
    ("cli", "bench"),
    ("cli", "demo"),
    ("demo", "up"),
    ("bench", "up"),
}
"""Arrows between units side by side that the design draws."""


def unit(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services."):
            yield node.lineno, node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "services":
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in FLOOR)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name.split(".")[1]) for a in node.names if a.name.startswith("services."))


def sources() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if "node_modules" not in path.parts]


def test_imports_only_go_down():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for path in sources()
        for line, target in imports(path)
        if (here := unit(path)) != "__init__"
        and target != here
        and FLOOR[target] >= FLOOR[here]
        and (here, target) not in DRAWN
    ]

    assert wrong == []


def test_every_unit_has_a_floor():
    units = {unit(path) for path in sources()} - {"__init__"}

    assert units <= FLOOR.keys()


def test_only_bootstrap_and_the_top_read_settings():
    readers = {unit(path) for path in sources() for _, target in imports(path) if target == "settings"}

    assert readers <= {"bootstrap", "cli", "up", "bench", "demo", "settings", "ingest"}


def test_the_agent_stands_alone():
    """The dock's agent runs on a machine without the archive: it imports the lowest floors only."""
    allowed = {"errors", "digest", "custody", "ingest"}
    agent = ROOT / "ingest" / "agent"
    found = {(path.name, target) for path in agent.rglob("*.py") for _, target in imports(path)}
    inside = [
        node.module
        for path in agent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services.ingest")
    ]

    assert {target for _, target in found} <= allowed
    assert all(module.startswith("services.ingest.agent") for module in inside)
