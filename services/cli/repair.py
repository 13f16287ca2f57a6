"""Repair a damaged original in two steps by two people."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.accounts import opened
from services.cli.home import HomeOption
from services.cli.persons import PasswordsOption, password_of

repair_app = typer.Typer(help="Repair a damaged original from a good copy, by two people.", no_args_is_help=True)


@repair_app.command("propose")
def repair_propose(
    recording: Annotated[str, typer.Argument(help="Id of the recording.")],
    file: Annotated[Path, typer.Argument(help="The good copy; it stays where it is until the repair is approved.")],
    by: Annotated[str, typer.Option(help="Name of your account.")],
    passwords_stdin: PasswordsOption = False,
    home: HomeOption = None,
) -> None:
    """
    Propose a good copy; prints the proposal's id, for somebody else to approve within 72 hours.

    Example: huisu repair propose 0199… /mnt/copy/a.mp4 --by li
    """
    from services.accounts.pair import one_person  # noqa: PLC0415  (each command loads its own)
    from services.ingest.upkeep.repair import propose_repair  # noqa: PLC0415

    password = password_of(by, stdin=passwords_stdin)
    with opened(home) as archive:
        with archive.reading() as session:
            who = one_person(session, by, password)
        typer.echo(propose_repair(archive, recording, file, who))


@repair_app.command("approve")
def repair_approve(
    proposal: Annotated[str, typer.Argument(help="Id that `repair propose` printed.")],
    by: Annotated[str, typer.Option(help="Name of your account; not who proposed it.")],
    passwords_stdin: PasswordsOption = False,
    home: HomeOption = None,
) -> None:
    """
    Put the proposed copy above the damaged original, which stays beside it.

    Example: huisu repair approve 0199… --by wang
    """
    from services.accounts.pair import one_person  # noqa: PLC0415  (each command loads its own)
    from services.ingest.upkeep.repair import approve_repair  # noqa: PLC0415

    password = password_of(by, stdin=passwords_stdin)
    with opened(home) as archive:
        with archive.reading() as session:
            who = one_person(session, by, password)
        kept = approve_repair(archive, proposal, who)
    typer.echo(f"{kept.key} is whole again as version {kept.version}; what was there stays beside it")
