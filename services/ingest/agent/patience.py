"""Wait between attempts: longer each time, never in step with other docks, as long as the archive wishes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from services.errors import AskedToWait, HuisuError, Unavailable

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time and chance come from; `clock` is monotonic seconds, `stop` ends every wait for more."""

    clock: Callable[[], float]
    sleep: Callable[[float], object]
    random: Random
    stop: threading.Event
    give_up_after_s: float

    def rest(self, seconds: float) -> None:
        """
        Sleep, unless the run is being stopped.

        Raises:
            Unavailable: it is.
        """
        if not self.stop.is_set():
            self.sleep(seconds)
        self.check()

    def check(self) -> None:
        """Raises `Unavailable` if the run is being stopped."""
        if self.stop.is_set():
            raise Unavailable("interrupted")


class Patience:
    """The patience with one file: it ends `give_up_after_s` after the last progress."""

    def __init__(self, timing: Timing, tell: Callable[[str], None]) -> None:
        self._timing, self._tell = timing, tell
        self._failures, self._since = 0, timing.clock()

    def progressed(self) -> None:
        """Forget the failures: bytes or states moved."""
        self._failures, self._since = 0, self._timing.clock()

    def wait(self, error: HuisuError) -> None:
        """
        Sleep before the next attempt.

        Raises:
            HuisuError: `error` itself once patience is over; Unavailable if the run is being stopped.
        """
        self._timing.check()
        pause = self._pause(error)
        if self._timing.clock() + pause - self._since > self._timing.give_up_after_s:
            raise error
        self._failures += 1
        self._tell(f"again in {pause:.0f} s: {error}")
        self._timing.rest(pause)

    def _pause(self, error: HuisuError) -> float:
        chance = self._timing.random.random()
        grown = float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures, 10))) * (0.5 + chance / 2)
        if isinstance(error, AskedToWait):
            return max(error.wait_s * (1 + chance / 10), grown if error.wait_s == 0 else 0)
        return grown
