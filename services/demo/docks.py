"""Stand in for two docking stations: put footage with its sidecars on their disks and let the real agent send it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select

from services.bootstrap import Archive
from services.demo.footage import make
from services.demo.plan import DOCKS, Clip
from services.demo.spoil import spoil
from services.index.models import Upload

_AGENT: Final = (
    # the agent ends with the process that started it, whatever ends that
    "import ctypes; ctypes.CDLL(None).prctl(1, {signal}); "
    "from services.ingest.agent.command import dock_app; dock_app()"
)
PATIENCE_HOURS: Final = "0.05"
"""The archive is in the next process: if it does not answer for three minutes it is gone."""

FINAL: Final = ("verified", "quarantined")


@dataclass(frozen=True, slots=True)
class Dock:
    """One docking station: its disk, its token, and the archive's address."""

    name: str
    folder: Path
    token: str
    url: str

    @property
    def card(self) -> Path:
        """The folder into which cameras empty themselves."""
        return self.folder / "footage"

    def place(self, clip: Clip) -> Path:
        """Put a file and its sidecar on the disk, the file last and whole; nothing is done when it is there."""
        target = self.card / clip.name
        if target.exists():
            return target
        self.card.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as folder:
            made = make(clip.scene, Path(folder))
            spoil(made, clip.spoiling)
            end = clip.scene.clock.timestamp() + clip.scene.seconds
            os.utime(made, (end, end))
            sidecar = made.with_name("sidecar")
            sidecar.write_text(json.dumps(dict(clip.told), ensure_ascii=False, indent=1), encoding="utf-8")
            sidecar.replace(target.with_name(f"{target.name}.huisu.json"))
            made.replace(target)
        return target

    def send(self, paths: Sequence[Path], stop: threading.Event) -> None:
        """Run the dock's agent over these files until each came to its end, or `stop`; `arrived` tells to which."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUISU_")}
        arguments = ["send", *map(str, paths), "--url", self.url, "--state", str(self.folder / "agent")]
        with (self.folder / "agent.log").open("ab") as said:
            agent = subprocess.Popen(
                [sys.executable, "-c", _AGENT.format(signal=int(signal.SIGTERM)), *arguments,
                 "--give-up-after", PATIENCE_HOURS],
                env=environment | {"HUISU_DOCK_TOKEN": self.token},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )  # fmt: skip
            while agent.poll() is None:
                if stop.wait(0.2):
                    agent.terminate()
            agent.wait()


def arrived(archive: Archive) -> set[tuple[str, str]]:
    """Give the files, by dock and name, whose uploads came to their end."""
    query = select(Upload.sender, Upload.filename).where(Upload.sender.in_(DOCKS), Upload.state.in_(FINAL))
    with archive.reading() as session:
        return {(sender, name) for sender, name in session.execute(query)}
