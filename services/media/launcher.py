"""
Put this process under limits, then become a media program. Run by `sandbox` as a script, never imported.

A launcher instead of `preexec_fn`, which may deadlock in a process with threads. Standard library
only, started with `-I -S`: 20 ms. Arguments: one JSON object (`starter` pid, `nice`, `limits` as
pairs of soft and hard, `bar_privileges`), then the program.
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
"""Source: linux/prctl.h."""


def main() -> None:
    """Set the limits named in argv[1] and execute argv[2:]; exit 127 if that is impossible."""
    orders = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != orders["starter"]:
        raise SystemExit(127)  # the starter died before the line above took effect
    if orders["bar_privileges"]:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for name, wanted in orders["limits"].items():
        kind = getattr(resource, name)
        ceiling = resource.getrlimit(kind)[1]
        soft, hard = (n if ceiling == resource.RLIM_INFINITY else min(n, ceiling) for n in wanted)
        resource.setrlimit(kind, (soft, hard))
    os.nice(orders["nice"])
    try:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  no shell is the point
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[2]}: {error}\n")
        raise SystemExit(127) from error


if __name__ == "__main__":
    main()
