"""Manage accounts and tokens from the command line of the archive's own machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.accounts.people import add_user, disable_user, list_users, make_login_link
from services.accounts.rights import ROLES
from services.accounts.tokens import issue_token, list_tokens, revoke_token
from services.bootstrap import Archive, open_archive
from services.cli.home import HomeOption, address_of, settings_of
from services.errors import Invalid
from services.index.migrate import require_current

user_app = typer.Typer(help="Manage people's accounts.", no_args_is_help=True)
token_app = typer.Typer(help="Manage bearer tokens of docks, integrators and automation.", no_args_is_help=True)

ACTOR = "command line"


@contextmanager
def opened(home: Path | None) -> Iterator[Archive]:
    """Open an archive whose database is of this version, and close it."""
    archive = open_archive(settings_of(home))
    try:
        require_current(archive.engine)
        yield archive
    finally:
        archive.close()


def _password() -> str | None:
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise Invalid("no password stood on standard input")
    return password


@user_app.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    unit: Annotated[str, typer.Option(help="Number of the account's unit.")],
    number: Annotated[str | None, typer.Option(help="Badge number by which footage names the officer.")] = None,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    home: HomeOption = None,
) -> None:
    """
    Add an account; without a password it logs in by `huisu login-link`.

    Example: huisu user add li --role reviewer --unit root
    """
    password = _password() if password_stdin else None
    with opened(home) as archive, archive.work() as work:
        add_user(work, name=name, role=role, unit=unit, number=number, password=password, actor=ACTOR)
    typer.echo(f"account {name} added")


@user_app.command("list")
def user_list(home: HomeOption = None) -> None:
    """List accounts. Example: huisu user list"""
    with opened(home) as archive, archive.reading() as session:
        for user in list_users(session, None):
            state = "disabled" if user.disabled_at else "active"
            typer.echo(f"{user.name}\t{user.role}\t{user.unit}\t{user.number or '-'}\t{state}")


@user_app.command("disable")
def user_disable(name: str, home: HomeOption = None) -> None:
    """End an account and its sessions at once. Example: huisu user disable li"""
    with opened(home) as archive, archive.work() as work:
        disable_user(work, name, actor=ACTOR)
    typer.echo(f"account {name} disabled")


def login_link(name: str, home: HomeOption = None) -> None:
    """Print a single-use login link, valid one hour. Example: huisu login-link li"""
    with opened(home) as archive:
        with archive.work() as work:
            secret = make_login_link(work, name, actor=ACTOR)
        typer.echo(f"{address_of(archive.settings)}/login#link={secret}")


@token_app.command("issue")
def token_issue(
    name: Annotated[str, typer.Option(help="What the token is for.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    unit: Annotated[str | None, typer.Option(help="Number of the unit it reaches; none: all units.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 365,
    home: HomeOption = None,
) -> None:
    """
    Issue a bearer token and print it, alone, this once.

    Example: huisu token issue --name dock-1 --role dock --unit root
    """
    with opened(home) as archive, archive.work() as work:
        secret = issue_token(work, name=name, role=role, unit=unit, days=days, actor=ACTOR)
    typer.echo(secret)


@token_app.command("list")
def token_list(home: HomeOption = None) -> None:
    """List tokens; never their secrets. Example: huisu token list"""
    with opened(home) as archive, archive.reading() as session:
        for token in list_tokens(session, None):
            state = "revoked" if token.revoked_at else "live"
            typer.echo(f"{token.name}\t{token.role}\t{token.unit or '-'}\t{token.expires_at:%Y-%m-%d}\t{state}")


@token_app.command("revoke")
def token_revoke(name: str, home: HomeOption = None) -> None:
    """End a token at once. Example: huisu token revoke dock-1"""
    with opened(home) as archive, archive.work() as work:
        revoke_token(work, name, actor=ACTOR)
    typer.echo(f"token {name} revoked")
