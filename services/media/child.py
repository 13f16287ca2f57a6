"""
Answer one request about a media file, as a short-lived process under limits that `sandbox` starts.

Reads `{"target": …, "request": …}` from standard input, writes `{"ok": …}` or `{"error": {"code", "message"}}`
to standard output. Whatever a decoder prints goes to standard error. Only targets of the table run.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from services.errors import HuisuError, ToolFailed

TARGETS = frozenset(
    {
        "services.media.first_look:look_request",
        "services.media.packets:anchor_request",
        "services.media.probe:examine_request",
        "services.media.recovery:recover_request",
        "services.media.stills:still_request",
    }
)
"""Functions that may run here: each takes and gives a JSON object."""


def answer(target: object, request: object) -> dict[str, Any]:
    """Have one target of the table answer; errors raised on purpose cross the boundary by their code."""
    try:
        if not isinstance(target, str) or target not in TARGETS or not isinstance(request, dict):
            raise ToolFailed(f"a child answers {', '.join(sorted(TARGETS))}, not {target!r}")
        module, _, name = target.partition(":")
        function: Callable[[dict[str, Any]], dict[str, Any]] = getattr(importlib.import_module(module), name)
        return {"ok": function(request)}
    except HuisuError as error:
        return {"error": {"code": error.code, "message": str(error)}}


def main() -> None:
    """Answer what stands on standard input; anything unforeseen ends the process with a traceback."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the answer
    asked = json.load(sys.stdin.buffer)
    out.write(json.dumps(answer(asked.get("target"), asked.get("request"))).encode())
    out.flush()


if __name__ == "__main__":
    main()
