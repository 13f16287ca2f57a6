"""
Run the log: sequence what is pending, publish what came in, have its head signed. One process of an archive.

Nothing is sequenced before the log was seen to continue what the signer and the store remember: entries put behind an
old database's end would take the places of those that `huisu recover` has to bring back. A lead that was lost, as with
the connection that held it, may come back with another database behind it: then all of that is asked anew.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from services.bootstrap import Archive
from services.custody.checkpoint import read_checkpoint
from services.custody.heads import HeadSigner, newest_head, require_continues, require_memory, sign_head
from services.custody.logtree import log_size
from services.custody.note import read_note
from services.custody.publish import Publisher, published_head, published_past
from services.custody.sequencer import BATCH, Leadership, integrate, leading
from services.errors import HeadRefused, HuisuError, IntegrityError, ToolFailed

log = logging.getLogger(__name__)

Result = TypeVar("Result")

TURN_S: Final = 0.2
"""Longest rest between two looks at what is pending. Source: knowledge integrity 2.2."""

GROWTH_S: Final = 1.0
"""Shortest time between two heads of a growing log. Source: knowledge integrity 2.3."""

REST_S: Final = 60.0
"""Time after which the head of a log that does not grow is asked for again."""

RETRY_S: Final = 1.0
"""Pause after something did not answer."""


@dataclass(slots=True)
class Sequencing:
    """The work of the one process that leads; `stop` ends it, `size` is how far the log has come."""

    archive: Archive
    signer: HeadSigner
    stop: threading.Event
    after_signing: Callable[[], None] = lambda: None
    """Done after each new head was published, such as asking witnesses."""
    size: int = 0
    _leads: threading.Event = field(default_factory=threading.Event)
    _broke: Exception | None = None
    _told: set[str] = field(default_factory=set)
    _is_cleared: bool = False

    def run(self) -> None:
        """
        Lead, once no other process does, until stopped.

        Raises:
            ToolFailed: heads are signed no more; only a new process may go on.
        """
        with leading(self.archive.engine) as lead:
            while not self.stop.is_set() and not self._try(lambda: self._lead(lead)):
                self.stop.wait(RETRY_S)
            if self.stop.is_set():
                return
            heads = threading.Thread(target=self._heads_or_end, name="heads")
            heads.start()
            try:
                self._sequence(lead)
            finally:
                self.stop.set()
                heads.join()
        if self._broke is not None:
            raise ToolFailed("the signing of heads broke; start the sequencer anew") from self._broke

    def _lead(self, lead: Leadership) -> bool:
        """Take the lead or see that it is held; whenever it is taken, see first that the log is the signed one."""
        try:
            is_mine = lead.is_mine()
        except HuisuError:
            self._leads.clear()
            raise
        if not is_mine:
            self._leads.clear()
        elif not self._leads.is_set():
            self.agree()
            self._leads.set()
        return is_mine

    def agree(self) -> bool:
        """
        See that the log continues what was signed and published before; gives True.

        Raises:
            HeadRefused: it does not.
            HuisuError: the signer or the store did not answer.
        """
        text = published_head(self.archive.store)
        with self.archive.reading() as session:
            has = log_size(session)
        published = published_past(self.archive.store, has)
        with self.archive.reading() as session:
            # entries published but not signed yet have their places too: tiles of others could never be put there
            if (has := log_size(session)) < published:
                raise HeadRefused(
                    f"the log has {has} entries, {published} are published: was an old database restored?"
                )
            if text is not None:
                found = read_checkpoint(read_note(text.encode()).text)
                require_continues(session, found.size, found.root, "the published head")
            require_memory(session, self.signer)
            self.size = log_size(session)
        return True

    def _sequence(self, lead: Leadership) -> None:
        while not self.stop.is_set():
            moved = self._try(lambda: self._turn(lead))
            if moved is None:
                self.stop.wait(RETRY_S)
            elif moved < BATCH:
                self.stop.wait(TURN_S)

    def _turn(self, lead: Leadership) -> int:
        if not self._lead(lead):
            return 0
        moved = integrate(self.archive.engine)
        self.size += moved
        return moved

    def _heads_or_end(self) -> None:
        """Sign heads; what breaks here must end the process: a log that grows unsigned is noticed too late."""
        try:
            self._heads()
        except Exception as error:
            log.exception("signing heads broke")
            self._broke = error
            self.stop.set()

    def _heads(self) -> None:
        publisher = Publisher(self.archive.engine, self.archive.store)
        while (found := self._try(self._signed)) is None and not self.stop.wait(RETRY_S):
            pass
        publisher.published = signed = found or 0
        last = -REST_S
        while not self.stop.is_set():
            since = time.monotonic() - last
            if self._leads.is_set() and (since >= REST_S or (self.size > signed and since >= GROWTH_S)):
                last = time.monotonic()
                signed = self._try(lambda: self._head(publisher)) or signed
            self.stop.wait(TURN_S / 2)

    def _signed(self) -> int:
        """Tell how far the log is signed."""
        with self.archive.reading() as session:
            newest = newest_head(session)
        return newest.size if newest else 0

    def _head(self, publisher: Publisher) -> int:
        """Publish, sign, keep, publish the head; gives its size."""
        size = publisher.publish()
        if not self._is_cleared:
            publisher.clear()
            self._is_cleared = True
        if size == 0:
            return 0
        head = sign_head(self.archive.engine, self.signer, size, self.archive.clock())
        publisher.publish_head()
        self.after_signing()
        return head.size

    def _try(self, act: Callable[[], Result]) -> Result | None:
        """Do something that may fail for a while; a contradiction is an alarm, once for each that is new."""
        try:
            return act()
        except IntegrityError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                log.exception("log contradicted what was signed", extra={"code": error.code})
        except HuisuError as error:
            log.warning("log had to wait", extra={"code": error.code, "error": str(error)})
        return None
