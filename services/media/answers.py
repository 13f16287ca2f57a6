"""Read the answer of a child process; its errors become ours again."""

import functools
import json
from typing import Any

from services.errors import HuisuError, ToolFailed
from services.media.limits import Outcome


def read_answer(target: str, answer: bytes, outcome: Outcome) -> dict[str, Any]:
    """
    Give what `target` answered.

    Raises:
        HuisuError: the class whose code the child named, with its message.
        ToolFailed: there is no answer in the form of `child`.
    """
    try:
        said = json.loads(answer)
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("ok"), dict):
        return dict(said["ok"])
    error = error_of(said.get("error")) if isinstance(said, dict) else None
    raise error or ToolFailed(f"{target} ended with status {outcome.status} and no answer: {outcome.last_words}")


def error_of(said: object) -> HuisuError | None:
    """Make again the error that a child told by its code; None if it told none."""
    if not isinstance(said, dict):
        return None
    return _errors_by_code().get(str(said.get("code")), ToolFailed)(str(said.get("message")))


@functools.cache
def _errors_by_code() -> dict[str, type[HuisuError]]:
    found: dict[str, type[HuisuError]] = {}
    rest: list[type[HuisuError]] = [HuisuError]
    while rest:
        one = rest.pop()
        found[one.code] = one
        rest.extend(one.__subclasses__())
    return found
