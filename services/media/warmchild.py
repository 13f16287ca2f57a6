"""
Answer questions about coded pictures, one after the other, as a long-lived child under limits that `pool` starts.

It sees no file of the archive and no network: bytes come in, bytes go out. A question is a message (`messages`)
`{"target", "request"}` with blobs, an answer `{"ok": …}` or `{"error": {"code", "message"}}`, and CPU seconds.
Whatever a decoder prints goes to standard error. Only targets of the table run; anything unforeseen ends the process.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from services.errors import HostileMedia, HuisuError, ToolFailed
from services.media.messages import Blob, pieces_of, take_message

TARGETS = frozenset(
    {
        "services.media.gopdecode:picture_request",
        "services.media.seams:encode_request",
        "services.media.seams:judge_request",
        "services.media.warmchild:echo_request",
    }
)
"""Functions that may run here: each takes a JSON object and blobs, and gives the same."""

QUESTION_BYTES = 1 << 30
"""Longer questions are refused; the address space is the real bound."""

Answer = tuple[Mapping[str, Any], list[Blob]]


def answer(said: Mapping[str, Any], blobs: list[Blob]) -> Answer:
    """Have one target of the table answer; errors raised on purpose cross the boundary by their code."""
    target, request = said.get("target"), said.get("request")
    try:
        if not isinstance(target, str) or target not in TARGETS or not isinstance(request, dict):
            raise ToolFailed(f"a warm child answers {', '.join(sorted(TARGETS))}, not {target!r}")
        module, _, name = target.partition(":")
        function: Callable[[dict[str, Any], list[Blob]], Answer] = getattr(importlib.import_module(module), name)
        told, made = function(request, blobs)
        return {"ok": told}, made
    except HuisuError as error:
        return {"error": {"code": error.code, "message": str(error)}}, []
    except MemoryError:
        why = "what came needs more memory than a decoder may have"
        return {"error": {"code": HostileMedia.code, "message": why}}, []


def echo_request(request: dict[str, Any], blobs: list[Blob]) -> Answer:
    """Answer with what was asked, after `pause_s` seconds: warms a child up before anybody waits."""
    time.sleep(float(request.get("pause_s", 0)))
    return request, blobs


def main() -> None:
    """Answer until standard input ends."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not break the answer
    for name in ("av", "cv2", "numpy"):
        importlib.import_module(name)  # once, before anybody waits

    def read(count: int) -> Blob:
        block = sys.stdin.buffer.read(count)
        if len(block) != count:
            raise EOFError
        return block

    while True:
        try:
            said, blobs = take_message(read, QUESTION_BYTES)
        except EOFError:
            return
        told, made = answer(said, blobs)
        for piece in pieces_of({**told, "cpu_s": time.process_time()}, made):
            _write(out.fileno(), memoryview(piece).cast("B"))


def _write(to: int, view: memoryview) -> None:
    while view:
        view = view[os.write(to, view) :]


if __name__ == "__main__":
    main()
