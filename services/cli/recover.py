"""Bring an archive forward after an older database was restored."""

from typing import Annotated

import typer

from services.cli.accounts import opened
from services.cli.home import HomeOption
from services.cli.persons import PasswordsOption, password_of


def recover(
    by: Annotated[str, typer.Option(help="Name of the first person's account.")],
    and_: Annotated[str, typer.Option("--and", help="Name of the second person's account.")],
    passwords_stdin: PasswordsOption = False,
    home: HomeOption = None,
) -> None:
    """
    After a restore: bring log and catalogue forward from the store, and list what is lost, a tab between columns.

    Safe to repeat, also after a kill. Example: huisu recover --by li --and wang
    """
    from services.accounts.pair import two_persons  # noqa: PLC0415  (each command loads its own)
    from services.ingest.recovery.run import recover as run  # noqa: PLC0415
    from services.ingest.recovery.signed import last_signed  # noqa: PLC0415

    passwords = [password_of(name, stdin=passwords_stdin) for name in (by, and_)]
    with opened(home) as archive:
        with archive.reading() as session:
            persons = two_persons(session, (by, passwords[0]), (and_, passwords[1]))
        done = run(archive, last_signed(archive.settings), persons)
    for line in done.table:
        typer.echo("\t".join(line))
    if done.event is None:
        typer.echo("nothing was to be recovered", err=True)
        return
    typer.echo(f"entries {done.first} to {done.end} of the log came back; run `huisu fsck --deep` next", err=True)
