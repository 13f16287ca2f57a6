"""Send a file that was made for one request, and let go of it when it was sent or the line is gone."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from services.media.virtual import Flow, VirtualFile

BLOCK_BYTES: Final = 256 << 10


class _Opened:
    """Read a range of a local file in blocks."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._file: BinaryIO = path.open("rb")
        self._file.seek(offset)
        self._left = length

    def __next__(self) -> bytes:
        """Give the next block; an empty one says that the file is shorter than it was."""
        block = self._file.read(min(self._left, BLOCK_BYTES))
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class FileFlow(Iterator[bytes]):
    """
    Give a virtual file over local files, each block noted before it leaves; `held` goes with it.

    `size_bytes` is its length, known before the first byte.
    """

    def __init__(
        self, file: VirtualFile, files: Sequence[Path], note: Callable[[int], None], held: contextlib.ExitStack
    ) -> None:
        self.size_bytes = file.size_bytes
        self._note, self._held = note, held
        self._flow = Flow(file.pieces, lambda source, offset, length: _Opened(files[source], offset, length))

    def __next__(self) -> bytes:
        block = next(self._flow)
        self._note(len(block.content))
        return block.content

    def close(self) -> None:
        """Remove what was made; harmless when repeated."""
        self._flow.close()
        self._held.close()
