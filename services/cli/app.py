"""Say what `huisu` can do: processes here, accounts and checks in their own files."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from services import __version__
from services.bootstrap import open_archive
from services.cli import accounts, checks, custody, fixity, recover, repair, verify
from services.cli.home import HomeOption, settings_of
from services.index.migrate import migrate as bring_forward
from services.ingest.agent.command import dock_app
from services.queue import QUEUES

app = typer.Typer(
    name="huisu",
    help="Huisu (回溯): a self-hosted archive for police recordings that a stranger can check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(dock_app, name="dock")
app.add_typer(accounts.user_app, name="user")
app.add_typer(accounts.token_app, name="token")
app.add_typer(custody.signer_app, name="signer")
app.add_typer(custody.witness_app, name="witness")
app.add_typer(custody.checkpoint_app, name="checkpoint")
app.command("login-link")(accounts.login_link)
app.command("fsck")(checks.fsck)
app.command("fixity")(fixity.fixity)
app.add_typer(repair.repair_app, name="repair")
app.command("recover")(recover.recover)
app.command("verify")(verify.verify)
app.command("doctor")(checks.doctor)
app.command("demo")(checks.demo)
app.command("bench")(checks.bench)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"huisu {__version__}")
        raise typer.Exit


@app.callback()
def huisu(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Huisu (回溯): a self-hosted archive for police recordings that a stranger can check."""


@app.command()
def up(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS key.")] = None,
    behind_proxy: Annotated[bool, typer.Option(help="A proxy in front speaks TLS.")] = False,
    demo: Annotated[bool, typer.Option(help="Fill with demonstration data (loopback only).")] = False,
) -> None:
    """
    Run the whole archive on embedded parts. Example: huisu up --home ./archive --port 8080
    """
    from services.up.supervisor import LOOPBACK  # noqa: PLC0415  (each command loads its own)
    from services.up.supervisor import up as run_up  # noqa: PLC0415

    settings = settings_of(
        home, host=host, port=port, tls_cert=tls_cert, tls_key=tls_key, behind_proxy=behind_proxy or None
    )
    once_ready = None
    if demo:
        if settings.host not in LOOPBACK:
            raise typer.BadParameter(f"demonstration data are for loopback only, not for {settings.host}")
        from services.demo.world import fill  # noqa: PLC0415  (only the demonstration loads it)

        def once_ready(stop: threading.Event) -> None:
            fill(settings, stop, say=typer.echo)

    raise typer.Exit(run_up(settings, say=typer.echo, once_ready=once_ready))


@app.command()
def serve(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    with_gate: Annotated[
        bool, typer.Option(help="Also receive uploads: this process owns the staging folder.")
    ] = False,
    with_beat: Annotated[bool, typer.Option(help="Also run the archive's rounds.")] = False,
) -> None:
    """Serve people (API and pages). Example: huisu serve --port 8080"""
    from services.up.roles import serve as run  # noqa: PLC0415  (the web framework is heavy)

    run(settings_of(home, host=host, port=port), door=with_gate, beat=with_beat)


@app.command("dock-gate")
def dock_gate(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Receive uploads from docks into this gate's staging folder. Example: huisu dock-gate --port 8081"""
    from services.up.roles import serve as run  # noqa: PLC0415

    run(settings_of(home, host=host, port=port), door=True, pages=False)


@app.command()
def worker(
    home: HomeOption = None,
    queues: Annotated[
        str | None, typer.Option(help=f"Which jobs to take, comma-separated: {', '.join(QUEUES)}.")
    ] = None,
) -> None:
    """Do jobs: seal, store, examine, link, render. Example: huisu worker --queues examine,render"""
    from services.up.roles import work as run  # noqa: PLC0415

    wanted = [name.strip() for name in queues.split(",")] if queues else None
    if wanted and (unknown := set(wanted) - set(QUEUES)):
        raise typer.BadParameter(f"no queue {', '.join(sorted(unknown))}; there are {', '.join(QUEUES)}")
    run(settings_of(home), wanted)


@app.command()
def beat(home: HomeOption = None) -> None:
    """Run the archive's rounds: ring, sweep, close silent looks. One per archive. Example: huisu beat"""
    from services.up.roles import beat as run  # noqa: PLC0415

    run(settings_of(home))


@app.command()
def sequencer(home: HomeOption = None) -> None:
    """Bring what is committed into the log and have its head signed. One per archive. Example: huisu sequencer"""
    from services.up.roles import sequence as run  # noqa: PLC0415

    run(settings_of(home))


@app.command()
def migrate(home: HomeOption = None) -> None:
    """Bring the database to this version. Example: huisu migrate --home ./archive"""
    from services.up.rounds import note_version  # noqa: PLC0415  (each command loads its own)

    archive = open_archive(settings_of(home))
    try:
        archive.store.prepare()
        schema = bring_forward(archive.engine)
        note_version(archive)
        typer.echo(f"schema {schema}")
    finally:
        archive.close()
