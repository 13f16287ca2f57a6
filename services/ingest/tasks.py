"""Say which function does which kind of job."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from services.bootstrap import Archive
from services.ingest import pipeline
from services.jobs.worker import Running, Task

_ALL: Final[Mapping[str, Callable[[Archive, Running], None]]] = {
    "accession": pipeline.run_accession,
    "read-back": pipeline.run_read_back,
    "examine": pipeline.run_examine,
    "link": pipeline.run_link,
    "relink": pipeline.run_relink,
    "index": pipeline.run_index,
    "look-over": pipeline.run_look_over,
    "fingerprint": pipeline.run_fingerprint,
    "render": pipeline.run_render,
    "recover": pipeline.run_recover,
    "align": pipeline.run_align,
}


def tasks(archive: Archive) -> dict[str, Task]:
    """Give the functions of all ingest jobs for one archive."""
    return {kind: partial(function, archive) for kind, function in _ALL.items()}
