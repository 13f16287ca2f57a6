"""Remember which clips were entered under which viewing: a player asks for one clip in many ranges."""

import threading
from collections import OrderedDict
from typing import Final

MOST: Final = 4096
"""What is forgotten is entered again, which is true and does no harm."""


class Entered:
    """Hold what this process entered lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def has(self, *what: object) -> bool:
        """Say whether exactly this was entered."""
        with self._lock:
            if what in self._known:
                self._known.move_to_end(what)
                return True
            return False

    def add(self, *what: object) -> None:
        """Note that it was."""
        with self._lock:
            self._known[what] = None
            while len(self._known) > MOST:
                self._known.popitem(last=False)
