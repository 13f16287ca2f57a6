"""Say how far the stored originals were read again, and read on at once."""

from typing import Annotated

import typer

from services.cli.accounts import opened
from services.cli.home import HomeOption


def fixity(
    now: Annotated[
        bool, typer.Option("--now", help="Read today's share and sample here and now, then say so.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """
    Say how far all stored bytes were read again; 0: all are what was taken in, 1: a failure a line.

    Example: huisu fixity --now
    """
    from services.index.fixity import progress  # noqa: PLC0415  (each command loads its own)
    from services.ingest.upkeep.fixity import keep_fixity  # noqa: PLC0415

    with opened(home) as archive:
        if now:
            typer.echo(f"{keep_fixity(archive)} checks made")
        with archive.reading() as session:
            told = progress(session, archive.clock(), archive.settings.fixity_days)
    typer.echo(f"{told.objects_read} of {told.objects} originals read within {told.days} days")
    typer.echo(f"{told.bytes_read} of {told.bytes_total} bytes")
    typer.echo(f"{told.late} originals are late; the oldest reading is of {told.oldest_at or 'never'}")
    for one in told.failures:
        typer.echo(f"{one.outcome}: recording {', '.join(one.recordings)} since {one.since}: {one.found or ''}")
    if told.failing:
        typer.echo(f"{told.failing} originals are not what was taken in", err=True)
    raise typer.Exit(1 if told.failing else 0)
