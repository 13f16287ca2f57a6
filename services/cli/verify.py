"""Check what was handed out: a package with the very program that is shipped inside it, or the proof of a draw."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from services.errors import Invalid, Misconfigured, PolicyRefused


def verify(
    package: Annotated[Path, typer.Argument(help="A package (its folder or zip file), or the proof of a draw.")],
    policy: Annotated[Path | None, typer.Option(help="A policy file from elsewhere: whose keys are trusted.")] = None,
    fingerprint: Annotated[str, typer.Option(help="The printed fingerprint of the log's key, for packages.")] = "",
    lang: Annotated[Literal["zh", "en"] | None, typer.Option(help="Speak Chinese or English.")] = None,
    tsa_roots: Annotated[
        Path | None, typer.Option(help="Root certificates (PEM): check a package's time-stamps by them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Check a package or a draw; 0: holds, 1: a FAIL, 2: neither. Example: huisu verify export.zip --lang zh"""
    from services.cli.drawproof import is_draw_proof, verify_draw  # noqa: PLC0415  (each command loads its own)
    from services.custody.package.stamps import stamps_of  # noqa: PLC0415
    from services.custody.policy import read_policy  # noqa: PLC0415
    from services.custody.timestamping import load_roots  # noqa: PLC0415
    from services.custody.verifier.verify import main  # noqa: PLC0415

    try:
        roots = load_roots(tsa_roots) if tsa_roots is not None else ()
    except Misconfigured as error:
        raise Invalid(f"the certificates {tsa_roots} cannot be used: {error.__cause__}") from error
    if is_draw_proof(package):
        try:
            keys = read_policy(policy.read_bytes()).log_keys if policy is not None else ()
        except (OSError, PolicyRefused) as error:
            raise Invalid(f"the policy {policy} cannot be used: {error}") from error
        raise typer.Exit(verify_draw(package, keys, policy, as_json=as_json))
    arguments = [str(package), "--fingerprint", fingerprint]
    arguments += ["--policy", str(policy)] if policy is not None else []
    arguments += ["--lang", lang] if lang is not None else []
    arguments += ["--json"] if as_json else []
    raise typer.Exit(main(arguments, stamps_of(package, roots)) if roots else main(arguments))
