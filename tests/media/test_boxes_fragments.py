import itertools
from fractions import Fraction

import av
import pytest

from services.errors import NoIndex, Truncated
from services.media.fragments import fragments
from tests.footage import make_footage, numbers


def listed(content: bytes):
    return fragments(lambda at, n: content[at : at + n], len(content))


@pytest.mark.parametrize("options", [{}, {"bframes": 2}, {"rate": "30000/1001"}, {"audio": False}])
def test_fragments_of_a_rendition_tile_the_file_and_its_time(tmp_path, options):
    content = make_footage(tmp_path / "a.mp4", frames=90, layout="fragmented", **options).read_bytes()

    initial, found = listed(content)

    rate = Fraction(options.get("rate", "30"))
    assert content[4:8] == b"ftyp"
    assert found[0].offset == initial
    assert [one.start for one in found] == [0, 30 / rate, 60 / rate]
    assert all(one.duration == 30 / rate and one.sync for one in found)
    assert all(one.offset + one.length == after.offset for one, after in itertools.pairwise(found))


def test_each_fragment_behind_the_initialisation_plays_alone(tmp_path):
    content = make_footage(tmp_path / "a.mp4", frames=90, bframes=2, layout="fragmented").read_bytes()

    initial, found = listed(content)

    played = [numbers(content[:initial] + content[one.offset : one.offset + one.length], "mp4") for one in found]
    assert played == [list(range(30)), list(range(30, 60)), list(range(60, 90))]


def test_sound_alone_has_fragments_too(tmp_path):
    whole = make_footage(tmp_path / "a.mp4", frames=90).read_bytes()
    path = tmp_path / "sound.mp4"
    (tmp_path / "in.mp4").write_bytes(whole)
    with (
        av.open(str(tmp_path / "in.mp4")) as source,
        av.open(
            str(path), "w", format="mp4", options={"movflags": "frag_every_frame+empty_moov+default_base_moof"}
        ) as target,
    ):
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)

    _, found = listed(path.read_bytes())

    assert len(found) > 100
    assert all(one.sync and one.duration == Fraction(1024, 48000) for one in found[:100])


def test_a_file_without_fragments_or_with_a_cut_one_is_refused(tmp_path):
    plain = make_footage(tmp_path / "a.mp4", frames=90).read_bytes()
    content = make_footage(tmp_path / "b.mp4", frames=90, layout="fragmented").read_bytes()
    _, found = listed(content)

    with pytest.raises(NoIndex):
        listed(plain)
    with pytest.raises(Truncated):
        listed(content[: found[-1].offset + found[-1].length - 10])
