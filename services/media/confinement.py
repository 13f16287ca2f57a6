"""Build the bubblewrap command in which a media program sees its own files and nothing else."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

SYSTEM_FOLDERS = ("/lib", "/lib32", "/lib64", "/bin", "/sbin")
LINKER_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")


def confined(argv: Sequence[str], readable: Sequence[Path], writable: Path | None) -> list[str] | None:
    """
    Give the command that runs `argv` confined, or None where there is no bwrap.

    Inside, `readable` paths and the `writable` folder keep their names; there is no network, no
    other process to see, and no capability. Symbolic links are followed outside.
    """
    bwrap = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
    if bwrap is None:
        return None
    # without --as-pid-1 bwrap leaves a reaper between us and the program, and its CPU seconds are lost
    command = [bwrap, "--unshare-all", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL"]
    command += ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_symlink():
            command += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            command += ["--ro-bind", str(folder), str(folder)]
    for path in LINKER_FILES:
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108  a private one
    for path in [*_program_folders(argv[0]), *map(str, readable)]:
        command += ["--ro-bind", path, path]
    if writable is not None:
        command += ["--bind", str(writable), str(writable)]
    return [*command, "--chdir", "/", "--", *argv]


def _program_folders(program: str) -> list[str]:
    """List what `program` needs beside the system's folders: itself, or for our Python its prefixes."""
    if program == sys.executable:
        wanted = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    else:
        wanted = {program}
    return sorted(path for path in wanted if not path.startswith("/usr/"))
