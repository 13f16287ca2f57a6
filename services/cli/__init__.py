"""The one command, `huisu`: each verb parses, calls and prints; errors are one line, never a traceback."""

import sys

from services.errors import HuisuError


def main() -> None:
    """Run the command line; an error raised on purpose becomes one line on standard error."""
    from services.cli.app import app  # noqa: PLC0415  (help must not wait for what other commands load)

    try:
        app(prog_name="huisu", standalone_mode=True)
    except HuisuError as error:
        sys.stderr.write(f"huisu: {error.code}: {error}\n")
        sys.exit(2 if error.code in {"misconfigured", "invalid"} else 1)
    except KeyboardInterrupt:
        sys.exit(130)
