"""Give the dock's agent to the command line: `huisu dock send`."""

import os
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from services.errors import HuisuError, Invalid
from services.ingest.agent.options import KINDS, LONGEST_PARALLEL, Options, default_state_folder
from services.ingest.agent.send import send

FAILED, USAGE = 1, 2

dock_app = typer.Typer(
    name="dock", help="The docking station's side.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

_EXAMPLE = (
    "Example: huisu dock send /media/camera --url https://archive.example:8080 --token hu_… --officer 610123 "
    "--kind body"
)


@dock_app.callback()
def dock() -> None:
    """Send footage from a docking station to the archive."""


@dock_app.command("send", epilog=_EXAMPLE)
def send_command(
    paths: Annotated[
        Optional[list[Path]],  # noqa: UP045  Typer reads this form on every Python we support
        typer.Argument(metavar="PATH", help="Files, or folders with all that is in them.", show_default=False),
    ] = None,
    url: Annotated[str, typer.Option(envvar="HUISU_DOCK_URL", help="The archive's address.", show_default=False)] = "",
    token: Annotated[
        str,
        typer.Option(
            envvar="HUISU_DOCK_TOKEN",
            help="A token of the role dock; better in the environment, or in the file named by HUISU_DOCK_TOKEN_FILE.",
            show_default=False,
            show_envvar=True,
        ),
    ] = "",
    officer: Annotated[str, typer.Option(help="The officer's number.", show_default=False)] = "",
    device: Annotated[str, typer.Option(help="The camera's serial number.", show_default=False)] = "",
    kind: Annotated[str, typer.Option(help=f"One of: {', '.join(KINDS)}.", show_default=False)] = "",
    case: Annotated[str, typer.Option(help="The case's number.", show_default=False)] = "",
    incident: Annotated[str, typer.Option(help="The incident's number.", show_default=False)] = "",
    session: Annotated[str, typer.Option(help="The session these files belong to.", show_default=False)] = "",
    channel: Annotated[str, typer.Option(help="The session's channel.", show_default=False)] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Keep running and send what appears.")] = False,  # noqa: FBT002
    parallel: Annotated[int, typer.Option(help=f"Transfers at once, 1 to {LONGEST_PARALLEL}.")] = LONGEST_PARALLEL,
    give_up_after: Annotated[float, typer.Option(help="Hours without progress before a file counts as unsent.")] = 24.0,
    state: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Where uploads are remembered [~/.local/state/huisu-dock].", show_default=False),
    ] = None,
) -> None:
    """
    Send footage to the archive and wait until each file is verified there. Nothing is deleted or written beside it.

    A broken connection, a restart of the archive or of this program is taken up where it ended. A sidecar
    FILE.huisu.json (a JSON object with the keys filename, filetype, device, officer, started_at, ended_at, file_mtime,
    sha256, kind, incident, case, session, channel) speaks for its file and wins over these options.
    One line per file on standard output; exit 0 only if every file is verified, 2 for a mistake in the call.
    """
    stated = {
        "officer": officer, "device": device, "kind": kind, "case": case,
        "incident": incident, "session": session, "channel": channel,
    }  # fmt: skip
    try:
        if not paths:
            raise Invalid("name at least one file or folder: huisu dock send PATH… --url U --token T")
        if kind and kind not in KINDS:
            raise Invalid(f"--kind is one of {', '.join(KINDS)}, not {kind!r}")
        options = Options(
            url=url,
            token=token or _token_from_file(),
            metadata={key: value for key, value in stated.items() if value},
            state_folder=state or default_state_folder(),
            parallel=parallel,
            watch=watch,
            give_up_after_s=give_up_after * 3600,
        )
        report = send(paths, options, console=Console())
    except HuisuError as error:
        typer.echo(f"huisu: {error}", err=True)
        raise typer.Exit(USAGE if isinstance(error, Invalid) else FAILED) from None
    typer.echo(report.summary, err=True)
    if not report.is_success:
        raise typer.Exit(FAILED)


def _token_from_file() -> str:
    named = os.environ.get("HUISU_DOCK_TOKEN_FILE", "")
    try:
        return Path(named).read_text().strip() if named else ""
    except OSError as error:
        raise Invalid(f"HUISU_DOCK_TOKEN_FILE: {named} cannot be read: {error.strerror}") from error
