"""Read the settings of the archive that a command touches."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.settings import ADDRESS_FILE, Settings, load_settings

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of an embedded archive; else HUISU_* settings say which archive.")
]


def settings_of(home: Path | None, **given: Any) -> Settings:
    """Load settings with what the command line gives on top; raises `Misconfigured`."""
    return load_settings(home=home, **given)


def address_of(settings: Settings) -> str:
    """Give where people reach this archive: as `huisu up` was last started on its home, else as the settings say."""
    told = settings.paths.home / ADDRESS_FILE
    return told.read_text().strip() if told.is_file() else settings.address
