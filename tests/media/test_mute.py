"""Segments of a recording without sound get silence beside their pictures, which stay as they are."""

import io
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from services.errors import NotPlayable
from services.media.mute import FRAME, RATE, frames_in, muted_init, muted_segment, silent_number
from services.media.probe import examine_in_child
from services.media.segments import InPlace
from services.media.virtual import Extent, VirtualFile
from tests.footage import make_footage, numbers


def whole(file: VirtualFile, original: bytes) -> bytes:
    return b"".join(original[piece.offset : piece.end] if isinstance(piece, Extent) else piece for piece in file.pieces)


@pytest.mark.parametrize("bframes", [0, 2])
def test_pictures_stay_and_silence_runs_beside_them(tmp_path, bframes):
    film = make_footage(tmp_path / "a.mp4", frames=150, bframes=bframes, audio=False)
    content, found = film.read_bytes(), examine_in_child(film)
    assert found.index is not None
    played = InPlace.of(found.index, found.facts)
    init = played.init()
    parts = [muted_init(init)]
    for segment in played.segments():
        file = played.segment(segment.first, segment.end)
        head = file.pieces[0]
        assert isinstance(head, bytes)
        first, end = frames_in(segment.start, segment.start + segment.duration)
        parts.append(whole(muted_segment(file, head, silent_number(init), first, end), content))
    muted = b"".join(parts)

    assert numbers(muted) == list(range(150))
    with av.open(io.BytesIO(muted)) as container:
        sound = list(container.decode(audio=0))
    heard = np.concatenate([frame.to_ndarray()[0] for frame in sound])
    assert not heard.any()
    assert [frame.pts for frame in sound] == [FRAME * n for n in range(len(sound))]
    assert len(heard) == pytest.approx(5 * RATE, abs=FRAME)


def test_stretches_that_touch_share_no_frame() -> None:
    bounds = [Fraction(n, 7) for n in range(100)]
    found = [frames_in(a, b) for a, b in itertools.pairwise(bounds)]

    assert [end for _, end in found[:-1]] == [first for first, _ in found[1:]]


def test_what_is_no_fragment_is_refused() -> None:
    content = b"\0\0\0\x10mdat" + bytes(8)

    with pytest.raises(NotPlayable):
        muted_segment(VirtualFile.of(content), content, 2, 0, 1)
