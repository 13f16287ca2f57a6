"""Ask for the passwords of those who answer for an act."""

import sys
from typing import Annotated

import typer

PasswordsOption = Annotated[
    bool, typer.Option("--passwords-stdin", help="Read passwords from standard input, a line each.")
]


def password_of(name: str, *, stdin: bool) -> str:
    """Ask for one person's password on the terminal, or take the next line of standard input."""
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    told: str = typer.prompt(f"password of {name}", hide_input=True, err=True)
    return told
