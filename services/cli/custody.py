"""Run the signer, show its keys and change them."""

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from services.cli.home import HomeOption, settings_of
from services.errors import Invalid, NotFound

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
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}") from error


witness_app = typer.Typer(
    help="Watch an archive's log from another house. "
    "Example: huisu witness --folder ./w --name court.example/w --log VKEY --listen 127.0.0.1:8090",
    invoke_without_command=True,
)
FolderOption = Annotated[Path, typer.Option("--folder", "--home", help="Folder of the witness: its key and memory.")]
LogOption = Annotated[
    list[str] | None, typer.Option("--log", help="Key of a log to watch, as NAME+ID+BASE64; kept, may be repeated.")
]


@witness_app.callback()
def witness(
    context: typer.Context,
    folder: FolderOption = Path(".huisu-witness"),
    name: Annotated[
        str | None, typer.Option(help="Name of a new witness, such as court.example/witness; for life.")
    ] = None,
    log: LogOption = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT to answer on.")] = "127.0.0.1:8090",
) -> None:
    """Run a witness: it signs heads of the logs it watches that continue what it saw."""
    from services.up.witnessing import opened_witness, run_witness  # noqa: PLC0415  (each command loads its own)

    context.obj = lambda: opened_witness(folder, name, log or [])
    if context.invoked_subcommand is None:
        run_witness(context.obj(), listen, say=typer.echo)


@witness_app.command("key")
def witness_key(context: typer.Context) -> None:
    """Print the witness's line of a policy, and the key of its draws. Example: huisu witness --folder ./w key"""
    verifier = context.obj().verifier
    typer.echo(f"witness {verifier.name} {verifier.vkey}")
    typer.echo(f"# draws {replace(verifier, type=1).vkey}")


@witness_app.command("forget")
def witness_forget(
    context: typer.Context,
    vkey: Annotated[str, typer.Argument(help="Key of a log that shall count no more, such as one that was stolen.")],
) -> None:
    """Trust a log's key no more. Example: huisu witness --folder ./w forget VKEY"""
    if not context.obj().memory.distrust(vkey.strip()):
        raise NotFound("this key was not trusted")


@witness_app.command("sign")
def witness_sign(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `huisu checkpoint export` wrote, or a request for a draw.")],
) -> None:
    """
    Answer a request that came as a file: print the line for `huisu checkpoint import`.

    Example: huisu witness --folder ./w sign request.txt
    """
    answer = context.obj().answer_file(_read(file))
    typer.echo(answer.body.rstrip("\n"), err=answer.status != 200)
    raise typer.Exit(0 if answer.status == 200 else 1)


checkpoint_app = typer.Typer(
    help="Carry the log's head to witnesses that no network reaches. Example: huisu checkpoint show",
    no_args_is_help=True,
)


@checkpoint_app.command("show")
def checkpoint_show(home: HomeOption = None) -> None:
    """Print the newest signed head with its witnesses' lines. Example: huisu checkpoint show"""
    from services.cli.accounts import opened  # noqa: PLC0415
    from services.custody.proving import newest_note  # noqa: PLC0415

    with opened(home) as archive, archive.reading() as session:
        typer.echo(newest_note(session), nl=False)


@checkpoint_app.command("export")
def checkpoint_export(
    witness: Annotated[str, typer.Option(help="Name of the witness in the policy.")],
    old: Annotated[int | None, typer.Option(min=0, help="Entries it has seen; default: as its last line says.")] = None,
    home: HomeOption = None,
) -> None:
    """
    Print the newest head with its proof, as a file for a witness.

    Example: huisu checkpoint export --witness court > request.txt
    """
    from services.cli.accounts import opened  # noqa: PLC0415
    from services.custody.heads import newest_head  # noqa: PLC0415
    from services.custody.watched import seen_by  # noqa: PLC0415
    from services.custody.witnessing import load_policy, submission  # noqa: PLC0415

    with opened(home) as archive:
        policy = load_policy(archive.settings.policy_file)
        one = next((known for known in policy.witnesses if known.name == witness), None)
        if one is None:
            raise NotFound(
                f"the policy has no witness {witness!r}; it has {', '.join(w.name for w in policy.witnesses)}"
            )
        with archive.reading() as session:
            head = newest_head(session)
            seen = seen_by(session, one) if old is None else old
        if head is None:
            raise NotFound("no head of the log was signed yet")
        typer.echo(submission(archive.engine, head, seen).content.decode(), nl=False)


@checkpoint_app.command("import")
def checkpoint_import(
    file: Annotated[Path, typer.Argument(help="The lines that `huisu witness sign` printed.")],
    home: HomeOption = None,
) -> None:
    """Keep what a witness signed by file, after checking it. Example: huisu checkpoint import line.txt"""
    from services.cli.accounts import opened  # noqa: PLC0415
    from services.custody.witnessing import load_policy, take_file  # noqa: PLC0415

    with opened(home) as archive:
        policy = load_policy(archive.settings.policy_file)
        for one, size in take_file(archive.engine, policy, _read(file), archive.clock()):
            typer.echo(f"{one.name} signed the head of {size} entries")
