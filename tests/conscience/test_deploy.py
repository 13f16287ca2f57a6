"""What `deploy/` runs and sets exists: its commands parse, its variables are settings."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from services.cli.app import app
from services.settings import PREFIX, Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def commands() -> list[str]:
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    found = [
        line
        for block in compose.split("<<: *huisu")[1:]
        for line in re.findall(r"^\s+command: (.+)$", block.split("\n\n")[0], re.MULTILINE)
    ]
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        found += re.findall(r"^ExecStart=/opt/huisu/bin/huisu (.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.replace("%i", "gate") for line in found]


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_that_deploy_runs_parses(line):
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    name, *arguments = shlex.split(line)

    assert name in group.commands, f"there is no command {name}"
    group.commands[name].make_context(name, arguments)


def test_every_process_of_the_cluster_is_started():
    names = {shlex.split(line)[0] for line in commands()}

    assert {"serve", "dock-gate", "worker", "beat", "sequencer", "signer", "migrate", "up"} <= names


@pytest.mark.parametrize("file", ["compose.yaml", "Dockerfile", "environment.example", "systemd"])
def test_every_variable_is_a_setting(file):
    place = DEPLOY / file
    text = "".join(p.read_text(encoding="utf-8") for p in ([place] if place.is_file() else place.glob("*")))
    variables = set(re.findall(rf"\b{PREFIX}([A-Z0-9_]+)", text))
    unknown = {v for v in variables if v.lower().removesuffix("_file") not in Settings.model_fields}

    assert unknown == set()
