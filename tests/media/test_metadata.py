import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.media.metadata import parse_moment, parse_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("+37.7450-122.4301+010.000/", (37.745, -122.4301)),
        ("-15.8355-048.0153/", (-15.8355, -48.0153)),
        ("+3954.252+11624.444/", (39.9042, 116.407400)),
        ("+395415.12+1162426.64/", (39.9042, 116.4074)),
        ("+00.0000+000.0000/", None),
        ("+91.0000+000.0000/", None),
        ("+39.9", None),
        ("somewhere", None),
        ("", None),
    ],
)
def test_places_are_read_in_every_form_that_cameras_write(text, place):
    found = parse_place(text)

    assert found == (None if place is None else pytest.approx(place, abs=1e-6))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-02-24T12:48:02.000000Z", "2021-02-24T12:48:02+00:00"),
        ("2020-12-30T13:45:00+0800", "2020-12-30T05:45:00+00:00"),
        ("1970-01-01T00:00:00Z", None),
        ("1904-01-01T00:00:00Z", None),
        ("1980-01-06T00:00:00Z", None),
        ("9999-12-31T23:59:59-2300", None),
        ("0001-01-01T00:00:00+2300", None),
        ("yesterday", None),
    ],
)
def test_moments_that_no_camera_meant_are_none(text, moment):
    found = parse_moment(text)

    assert (found.isoformat() if found else None) == moment


@given(st.text(max_size=60))
def test_any_text_is_read_or_nothing(text):
    place = parse_place(text)

    assert place is None or (abs(place[0]) <= 90 and abs(place[1]) <= 180)
