"""Count the samples of a fragmented MP4 while it streams past."""

from collections import Counter

from services.errors import ToolFailed
from services.media.boxes import Node

LEADING_TRACK = 1
"""ffmpeg's muxer numbers the streams it is given from here: the pictures first, then each sound."""
LONGEST_MOOF = 16 << 20


class FragmentCount:
    """
    Follow the boxes of a stream of ours: how many fragments, and how many samples of each track.

    `first_tick` is when the first sample of the leading track is decoded, None before its first fragment.
    """

    def __init__(self) -> None:
        """Begin before the first byte."""
        self.fragments = 0
        self.samples: Counter[int] = Counter()
        self.first_tick: int | None = None
        self._pending = bytearray()
        self._skip = 0

    def take(self, block: bytes) -> None:
        """
        Follow the next bytes.

        Raises:
            ToolFailed: they are not what a muxer writes.
        """
        view = memoryview(block)
        while view:
            if self._skip:
                step = min(self._skip, len(view))
                self._skip -= step
                view = view[step:]
                continue
            wanted = self._wanted() - len(self._pending)
            self._pending += view[:wanted]
            view = view[wanted:]
            self._settle()

    def _wanted(self) -> int:
        """Say how many bytes of the current box must be seen: its header, or all of a `moof`."""
        if len(self._pending) < 8:
            return 8
        length = int.from_bytes(self._pending[:4], "big")
        if self._pending[4:8] == b"moof":
            if length > LONGEST_MOOF:
                raise ToolFailed(f"a fragment's index has {length} bytes, more than {LONGEST_MOOF}")
            return length
        return 16 if length == 1 else 8

    def _settle(self) -> None:
        if len(self._pending) < self._wanted():
            return
        length = int.from_bytes(self._pending[:4], "big")
        if length == 1:
            length = int.from_bytes(self._pending[8:16], "big")
        if length < len(self._pending):
            raise ToolFailed(f"a box claims {length} bytes, less than its header")
        if self._pending[4:8] == b"moof":
            self._count(Node(b"moof", memoryview(bytes(self._pending[8:]))))
        self._skip = length - len(self._pending)
        self._pending.clear()

    def _count(self, moof: Node) -> None:
        self.fragments += 1
        for traf in (child for child in moof.children() if child.kind == b"traf"):
            track = traf.need(b"tfhd").number(4, 4)
            if track == LEADING_TRACK and self.first_tick is None:
                tfdt = traf.need(b"tfdt")
                self.first_tick = tfdt.number(4, 8 if tfdt.number(0, 1) == 1 else 4)
            self.samples[track] += sum(child.number(4, 4) for child in traf.children() if child.kind == b"trun")
