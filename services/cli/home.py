"""Read the settings of the archive that a command touches."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.settings import Settings, load_settings

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of an embedded archive; else HUISU_* settings say which archive.")
]


def settings_of(home: Path | None, **given: Any) -> Settings:
    """Load settings with what the command line gives on top; raises `Misconfigured`."""
    return load_settings(home=home, **given)
