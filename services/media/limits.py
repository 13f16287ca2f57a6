"""Hold what one media program may use, and how it ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bound what one program may use.

    `wall_s` counts from the start, `idle_s` from the last sign of progress, `cpu_s` over all threads.
    `file_bytes` bounds each file written; pipes are not files.
    """

    wall_s: float
    cpu_s: int
    memory_bytes: int
    file_bytes: int
    idle_s: float | None = None
    open_files: int = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Say how a program ended. A status of 0 is not success: callers look at what came out.

    `status` above 128 is a signal, as in a shell (137 = killed). Under bwrap the program is the first
    process of its namespace, which SIGXCPU and SIGXFSZ pass by: it meets EFBIG, and SIGKILL 2 s later.
    `last_words` is the end of standard error.
    """

    status: int
    last_words: str
    cpu_s: float
    wall_s: float
