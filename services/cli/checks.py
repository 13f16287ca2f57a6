"""Check the archive from outside: its integrity, its machine, its demonstration, its speed."""

from pathlib import Path
from typing import Annotated

import typer

from services.bootstrap import Archive
from services.cli.accounts import opened
from services.cli.home import HomeOption, settings_of
from services.custody.note import VerifierKey
from services.errors import Unavailable


def fsck(
    deep: Annotated[bool, typer.Option(help="Hash every object again.")] = False,
    home: HomeOption = None,
) -> None:
    """Compare catalogue, ledger and object store; 0: all holds, 1: a finding a line. Example: huisu fsck --deep"""
    from services.index.fsck import check  # noqa: PLC0415

    count = 0
    with opened(home) as archive, archive.reading() as session:
        for finding in check(session, archive.store, deep=deep, trusted=_log_keys(archive)):
            typer.echo(str(finding))
            count += 1
    typer.echo("nothing is wrong" if count == 0 else f"{count} findings", err=count > 0)
    raise typer.Exit(1 if count else 0)


def _log_keys(archive: Archive) -> tuple[VerifierKey, ...]:
    """Ask the signer for the log's keys; where it does not answer, say what is therefore not checked."""
    from services.custody.signer_client import Signer  # noqa: PLC0415

    try:
        return Signer(archive.settings.paths.signer_socket).public().all_keys
    except Unavailable as error:
        typer.echo(f"not checked: signatures of the log's heads, for {error}", err=True)
        return ()


def doctor(home: HomeOption = None) -> None:
    """Say what this machine lacks for the archive, one line each with the mend. Example: huisu doctor"""
    from services.up.doctor import examine  # noqa: PLC0415

    bad = False
    for line in examine(settings_of(home)):
        bad |= line.level == "bad"
        typer.echo(f"{line.level:4} {line.what}: {line.found}{f' — {line.mend}' if line.mend else ''}")
    raise typer.Exit(1 if bad else 0)


def demo(
    check: Annotated[bool, typer.Option(help="Compare the planted faults with their known answers.")] = False,
    home: HomeOption = None,
) -> None:
    """Check the demonstration data of an archive. Example: huisu demo --check --home .huisu"""
    if not check:
        raise typer.BadParameter("say --check; the data themselves are made by `huisu up --demo`")
    from services.demo.check import answers  # noqa: PLC0415

    wrong = 0
    with opened(home) as archive:
        for answer in answers(archive):
            wrong += not answer.holds
            typer.echo(f"{'ok  ' if answer.holds else 'FAIL'} {answer.fault}: {answer.found}")
    raise typer.Exit(1 if wrong else 0)


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; an unknown name lists them.")],
    folder: Annotated[Path | None, typer.Option(help="Where to work; default: a temporary folder.")] = None,
    recordings: Annotated[int | None, typer.Option(help="How many recordings `search` seeds.")] = None,
) -> None:
    """Measure against the floor in the same run; one JSON line. Example: huisu bench store"""
    from services.bench import run  # noqa: PLC0415

    typer.echo(run(name, folder, recordings=recordings))
