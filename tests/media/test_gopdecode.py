"""A frame decoded from bytes alone is the one that opening the file gives; hostile bytes end in a typed error."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.errors import MediaError, RangeOutside, ToolFailed
from services.media.codedrun import MOST_PICTURES, description_of, run_between, run_to
from services.media.picturefile import texts_of, with_texts
from services.media.pool import Pool
from services.media.stills import still, still_by_index
from services.media.virtual import Extent
from tests.footage import make_footage
from tests.media.cutting import Film, decoders

PICTURE = "services.media.gopdecode:picture_request"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with decoders(1) as opened:
        yield opened


def take(film: Film, frame: int, pool: Pool, content: bytes | None = None) -> Any:
    source = content or film.content

    def read(extents: Sequence[Extent]) -> bytes:
        return b"".join(source[extent.offset : extent.end] for extent in extents)

    return still_by_index(film.index, film.facts, frame, read, pool, form="png")


@pytest.mark.parametrize(
    "name",
    [
        "cam_gopro_hero6_gps_2s.mp4",
        "phone_iphone12_hevc10_gps_rot90_0.3s.mp4",
        "phone_android14_hlg10_gps_0.3s.mp4",
        "scene_car_park_30s_aac.mp4",
    ],
)
def test_both_ways_to_a_frame_give_the_same_picture(name: str, corpus: Path, pool: Pool) -> None:
    film = Film.of(corpus / name)

    for frame in (0, len(film.frame_times) // 2, len(film.frame_times) - 1):
        found = take(film, frame, pool)
        opened = still(corpus / name, film.facts, film.frame_times, film.frame_times.time_of(frame), form="png")
        assert found.picture == opened


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mjpeg"])
def test_only_what_lies_between_entry_and_frame_is_read(codec: str, tmp_path: Path) -> None:
    quiet = ["-x265-params", "log-level=none"] if codec == "libx265" else []
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=90, codec=codec, options=quiet))
    video = film.index.video
    assert video is not None

    run = run_to(video, film.index.sample_of(45))

    assert run is not None
    assert video.closed[run.first]
    assert run.first + len(run) - 1 == film.index.sample_of(45)
    assert run.size_bytes == int(video.samples.size[run.first : run.first + len(run)].sum())
    with pytest.raises(RangeOutside):
        film.index.sample_of(90)


def test_an_open_group_is_entered_where_it_truly_can_be(tmp_path: Path, pool: Pool) -> None:
    options = ["-x264-params", "open-gop=1"]
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=150, bframes=2, options=options))
    video = film.index.video
    assert video is not None
    assert video.opens

    run = run_to(video, film.index.sample_of(59))  # shown before the key frame that it is coded behind

    assert run is not None
    assert video.closed[run.first]
    assert take(film, 59, pool).is_patched is False


def test_too_long_a_way_is_not_carried(tmp_path: Path) -> None:
    count = MOST_PICTURES + 10
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=count, gop=count, size=(64, 36), audio=False))
    video = film.index.video
    assert video is not None

    assert run_to(video, count - 1) is None
    assert run_between(video, 5, 5) is None


def test_two_hundred_spoilt_groups_end_in_a_picture_or_a_typed_error(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=60, bframes=2, audio=False))
    video = film.index.video
    assert video is not None
    chosen = random.Random(5)
    outcomes = []

    for _ in range(200):
        content = bytearray(film.content)
        for _ in range(chosen.randrange(1, 40)):
            at = chosen.choice(video.samples.offset[:30].tolist()) + chosen.randrange(4, 200)
            content[at] = chosen.randrange(256)
        try:
            outcomes.append(take(film, 20, pool, bytes(content)).picture[:4])
        except (MediaError, ToolFailed) as error:
            outcomes.append(error.code)

    assert set(outcomes) <= {b"\x89PNG", "unplayable", "hostile-container"}
    assert b"\x89PNG" in outcomes
    assert take(film, 20, pool).picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("config", [b"", b"\x01", b"\x01\x64\x00\x1f\xff\xe1\xff\xff", bytes(300)], ids=len)
def test_a_nonsensical_configuration_is_unplayable(config: bytes, pool: Pool) -> None:
    request = {
        "codec": "h264", "positions": [0], "sizes": [50], "times": [0], "wanted": 0, "form": "png", "rotation": 0,
        "width": None, "shape": None,
    }  # fmt: skip

    with pytest.raises(MediaError):
        pool.ask(PICTURE, request, [config, bytes(50)], wall_s=30)


def test_a_decoder_off_the_list_does_not_run(pool: Pool) -> None:
    request = {"codec": "exr", "positions": [], "sizes": [], "times": [], "wanted": 0}

    with pytest.raises(MediaError, match="exr"):
        pool.ask(PICTURE, request, [b"", b""], wall_s=30)


def test_a_codec_that_needs_more_than_a_configuration_box_is_opened_as_a_file(tmp_path: Path) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=30, codec="mpeg4"))
    video = film.index.video
    assert video is not None

    assert description_of(video) is None


def test_texts_are_written_and_read_in_any_script() -> None:
    film = b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000d49484452000000010000000108000000003a7e9b55")
    film += bytes.fromhex("0000000049454e44ae426082")

    assert texts_of(with_texts(film, {"Huisu-Frame": "12", "Note": "现场 一"})) == {
        "Huisu-Frame": "12",
        "Note": "现场 一",
    }
    with pytest.raises(MediaError):
        with_texts(b"\xff\xd8 no picture of this kind", {})
