"""Run the signer, show its keys and change them."""

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from services.cli.home import HomeOption, settings_of

signer_app = typer.Typer(
    help="Run the process that holds the log's key. Example: huisu signer --home ./archive", invoke_without_command=True
)


@signer_app.callback()
def signer(
    context: typer.Context,
    home: HomeOption = None,
    resume_from: Annotated[
        Path | None,
        typer.Option(help="After the signer's memory was lost: the newest head that a witness or an export has."),
    ] = None,
) -> None:
    """Run the process that holds the log's key. Example: huisu signer --home ./archive"""
    if context.invoked_subcommand is not None:
        return
    settings = settings_of(home)
    if resume_from is None:
        from services.up.signing import sign  # noqa: PLC0415  (each command loads its own)

        raise typer.Exit(sign(settings))
    from services.custody.signer import resume  # noqa: PLC0415
    from services.custody.signerhome import SignerHome  # noqa: PLC0415

    head = resume(SignerHome(settings.paths.signer), settings.log_origin, _read(resume_from))
    typer.echo(f"the signer remembers {head.size} entries of {head.origin}; start it again")


@signer_app.command("keys")
def signer_keys(home: HomeOption = None) -> None:
    """Print the log's keys as lines of a policy, for print and witnesses. Example: huisu signer keys"""
    from services.custody.signer_client import Signer  # noqa: PLC0415

    facts = Signer(settings_of(home).paths.signer_socket).public()
    for key in facts.all_keys:
        typer.echo(f"log {key.vkey}")


@signer_app.command("rotate")
def signer_rotate(
    by: Annotated[str, typer.Option(help="Name of the first person's account.")],
    and_: Annotated[str, typer.Option("--and", help="Name of the second person's account.")],
    passwords_stdin: Annotated[
        bool, typer.Option(help="Read both passwords from standard input, a line each.")
    ] = False,
    patience_s: Annotated[float, typer.Option(help="How long to wait for a signed head with the entry.")] = 60.0,
    home: HomeOption = None,
) -> None:
    """
    Give the log a new key; the archive must run. Example: huisu signer rotate --by li --and wang
    """
    from services.accounts.pair import two_persons  # noqa: PLC0415
    from services.cli.accounts import opened  # noqa: PLC0415
    from services.custody.signer_client import Signer  # noqa: PLC0415
    from services.up.rotation import rotate  # noqa: PLC0415

    passwords = [_password(name, stdin=passwords_stdin) for name in (by, and_)]
    with opened(home) as archive:
        with archive.reading() as session:
            persons = two_persons(session, (by, passwords[0]), (and_, passwords[1]))
        signer = Signer(archive.settings.paths.signer_socket)
        old, new = rotate(archive, signer, persons, patience_s=patience_s, stop=threading.Event())
    typer.echo(f"old key: {old.vkey}\nnew key: {new.vkey}\ntell both to every witness and wherever keys are printed")


def _password(name: str, *, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    told: str = typer.prompt(f"password of {name}", hide_input=True, err=True)
    return told


def _read(path: Path) -> bytes:
    from services.storage.durable import translated  # noqa: PLC0415

    with translated(str(path)):
        return path.read_bytes()
