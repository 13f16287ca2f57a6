"""Repeat a draw from its proof file: for `huisu verify`, without archive, network or database."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from services.custody.note import VerifierKey
from services.oversight.replay import FORMAT, Finding, holds, is_signed, replay

NO_PROOF = 2
"""Exit code for what is no proof of a draw. Source: contract, `huisu verify`."""


def is_draw_proof(path: Path) -> bool:
    """Say whether a file is the proof of a draw, by its own word."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begins = file.read(4096)
    return begins.lstrip().startswith(b"{") and FORMAT.encode() in begins


def verify_draw(
    path: Path, log_keys: Iterable[VerifierKey] = (), policy: Path | None = None, *, as_json: bool = False
) -> int:
    """
    Print what holds, a line for each check, and give the exit code: 0 all, 1 something does not, 2 no proof of a draw.

    Without the log's keys a draw that comes out the same ends with 0 too, and the last line says what that leaves open.
    `log_keys` are the log's keys as they are known from elsewhere, from the file `policy`. With `as_json` it is one
    line of JSON, of the shape that packages have: docs/formats/package.md, "The result as JSON".
    """
    keys = tuple(log_keys)
    try:
        proof = json.loads(path.read_bytes())
        trouble = "" if isinstance(proof, dict) and proof.get("format") == FORMAT else f"{path} is no proof of a draw"
    except (OSError, ValueError, RecursionError) as error:
        trouble = f"{path} is no proof of a draw: {error}"
    findings = () if trouble else replay(proof, keys)
    status = NO_PROOF if trouble else 0 if holds(findings) else 1
    if as_json:
        typer.echo(json.dumps(_told(findings, keys, policy, status, trouble)))
        return status
    if trouble:
        typer.echo(trouble, err=True)
        return status
    for key in keys:
        typer.echo(f"trusted: {key.vkey}")
    for finding in findings:
        typer.echo(str(finding))
    typer.echo(f"result: {_result(findings)}")
    return status


def _result(findings: tuple[Finding, ...]) -> str:
    if not holds(findings):
        return "the draw does not hold"
    if is_signed(findings):
        return "the draw was repeated, from a head that the log signed"
    return (
        "the draw was repeated, but without the log's key the signature of its head was NOT CHECKED: whoever wrote"
        " this file may have made up the log; give a policy with the key"
    )


def _told(
    findings: tuple[Finding, ...], keys: Iterable[VerifierKey], policy: Path | None, status: int, trouble: str
) -> dict[str, Any]:
    """Say it in the shape that packages have; draws have no codes, and say in their checks what is not proven."""
    checks = [{"verdict": one.verdict, "check": one.check, "code": None, "words": one.words} for one in findings]
    return {
        "exit": status,
        "result": trouble or _result(findings),
        "checks": checks,
        "keys": [{"role": "log", "name": one.name, "sha256": hashlib.sha256(one.public).hexdigest()} for one in keys],
        "keys_from": None if policy is None else str(policy),
        "fingerprint_matches": False,
        "not_proven": [one["words"] for one in checks if one["verdict"] == "NOT CHECKED"],
    }
