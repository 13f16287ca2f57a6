import pytest

from services.errors import EmptyFile, HostileMedia, NotMedia
from services.media.containers import BY_NAME, CONTAINERS, recognise
from tests.footage import make_footage, make_sound


def named(content: bytes) -> str:
    return recognise(lambda offset, length: content[offset : offset + length], len(content)).name


@pytest.mark.parametrize(
    ("name", "options", "container"),
    [
        ("a.mp4", {}, "mp4"),
        ("a.mov", {}, "mov"),
        ("a.3gp", {"audio": False}, "3gp"),
        ("a.mkv", {}, "matroska"),
        ("a.webm", {"codec": "libvpx", "options": ("-deadline", "realtime")}, "webm"),
        ("a.avi", {"codec": "mpeg4"}, "avi"),
        ("a.ts", {}, "mpegts"),
        ("a.mpg", {"codec": "mpeg2video", "rate": "25"}, "mpegps"),
        ("a.ogg", {"codec": "libtheora"}, "ogg"),
        ("a.flv", {}, "flv"),
    ],
)
def test_footage_is_named_by_its_bytes(tmp_path, name, options, container):
    footage = make_footage(tmp_path / name, frames=30, **options)

    assert named(footage.read_bytes()) == container


@pytest.mark.parametrize(
    ("name", "container"), [("a.wav", "wav"), ("a.mp3", "mp3"), ("a.aac", "aac"), ("a.ogg", "ogg"), ("a.m4a", "mp4")]
)
def test_sound_is_named_by_its_bytes(tmp_path, name, container):
    assert named(make_sound(tmp_path / name, seconds=1).read_bytes()) == container


def test_sound_without_its_tags_and_from_the_middle_of_a_packet_is_named(tmp_path):
    tagged = make_sound(tmp_path / "a.mp3", seconds=1).read_bytes()
    length = 10 + (tagged[8] << 7 | tagged[9])
    stream = make_footage(tmp_path / "a.ts", frames=30).read_bytes()
    stamped = b"".join(b"\0\1\2\3" + stream[at : at + 188] for at in range(0, 188 * 50, 188))

    assert tagged[:3] == b"ID3"
    assert named(tagged[length:]) == "mp3"
    assert named(stream[100:]) == "mpegts"
    assert named(stamped) == "mpegts"


def test_adaptive_speech_is_named():
    assert named(b"#!AMR\n" + bytes(range(200))) == "amr"


SCRIPTS = [
    b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"ffconcat version 1.0\nfile other.mp4\n",
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    b"<MPD></MPD>",
    b"[playlist]\nFile1=/etc/passwd\n",
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\n",
    b"<asx version='3'>",
]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("lead", [b"", b"\n\n  ", b"\xef\xbb\xbf", b"\r\n\t"])
def test_lists_of_other_files_are_hostile_at_the_beginning(lead, script):
    with pytest.raises(HostileMedia):
        named(lead + script)


def test_lists_in_wide_letters_are_hostile():
    with pytest.raises(HostileMedia):
        named("\ufeff#EXTM3U\n".encode("utf-16-le"))
    with pytest.raises(HostileMedia):
        named(SCRIPTS[0].upper().replace(b"#EXTM3U", b"#extm3u"))


def test_a_list_hidden_in_another_container_is_hostile(tmp_path):
    footage = make_footage(tmp_path / "a.mp4", frames=30).read_bytes()
    hidden = footage + b"\0\0\0\x40free" + SCRIPTS[0]

    assert named(footage) == "mp4"
    with pytest.raises(HostileMedia):
        named(hidden)


@pytest.mark.parametrize("size", [0, 1, 100, 3_000_000])
def test_nothing_and_zeros_are_empty(size):
    with pytest.raises(EmptyFile):
        named(bytes(size))


@pytest.mark.parametrize(
    "content",
    [
        "这是一份文字说明，不是录像。\n".encode() * 50,
        b"The free lunch is a text, not a film. " * 30,
        b"\x89PNG\r\n\x1a\n" + bytes(100) + b"IDAT",
        b"PK\x03\x04" + bytes(range(256)),
        b"G",
        b"\xff\xfb",
        b"ID3",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        b"%PDF-1.7\n" * 10,
        b"G" * 100,
    ],
)
def test_what_is_no_recording_is_said_to_be_none(content):
    with pytest.raises(NotMedia):
        named(content)


def test_a_large_file_is_named_from_bounded_reads():
    asked = []

    def read(offset: int, length: int) -> bytes:
        asked.append(length)
        return (b"\0\0\0\x18ftypisom" + bytes(length))[offset : offset + length] if offset == 0 else bytes(length)

    assert recognise(read, 1 << 40).name == "mp4"
    assert sum(asked) <= 2 << 20


def test_names_are_unique():
    assert len(BY_NAME) == len(CONTAINERS)
