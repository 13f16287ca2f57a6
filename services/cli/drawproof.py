"""Repeat a draw from its proof file: for `huisu verify`, without archive, network or database."""

import json
from collections.abc import Iterable
from pathlib import Path

import typer

from services.custody.note import VerifierKey
from services.oversight.replay import FORMAT, holds, replay

NO_PROOF = 2
"""Exit code for what is no proof of a draw. Source: contract, `huisu verify`."""


def is_draw_proof(path: Path) -> bool:
    """Say whether a file is the proof of a draw, by its own word."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begins = file.read(4096)
    return begins.lstrip().startswith(b"{") and FORMAT.encode() in begins


def verify_draw(path: Path, log_keys: Iterable[VerifierKey] = ()) -> int:
    """
    Print what holds, a line for each check, and give the exit code: 0 all, 1 something does not, 2 no proof of a draw.

    `log_keys` are the log's keys as they are known from elsewhere.
    """
    try:
        proof = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        typer.echo(f"{path} is no proof of a draw: {error}", err=True)
        return NO_PROOF
    if not isinstance(proof, dict) or proof.get("format") != FORMAT:
        typer.echo(f"{path} is no proof of a draw", err=True)
        return NO_PROOF
    keys = tuple(log_keys)
    for key in keys:
        typer.echo(f"trusted: {key.vkey}")
    findings = replay(proof, keys)
    for finding in findings:
        typer.echo(str(finding))
    return 0 if holds(findings) else 1
