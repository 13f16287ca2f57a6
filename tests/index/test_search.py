"""Words are found on both databases alike, Chinese ones of two characters too, and no query is syntax."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.bootstrap import Archive
from services.index.models import Case, Recording
from services.index.search import index_linked, index_recording, keep_words, matches, matches_case
from services.index.words import Phrase, phrases, words
from tests.archive_fixture import add_case, add_incident, add_recording, link

TEXTS = {
    "theft": "执法记录 盗窃案 张三丰 2026年03月02日.mp4",
    "fight": "打架斗殴 李四 沪A12345 Zürich Straße",
    "device": "DSJ-007_20260302121500 body-worn ＤＳＪ８８",
    "mixed": "第3审讯室 Ｃ座 Channel-B 讯问 盗 窃",
}


def found(archive: Archive, query: str) -> set[str]:
    with archive.reading() as session:
        return set(session.scalars(select(Recording.filename).where(matches(session, query))))


@pytest.fixture
def texts(archive: Archive) -> None:
    for name, text in TEXTS.items():
        recording = add_recording(archive, filename=name)
        with archive.plain() as session:
            keep_words(session, recording, text)


QUERIES = {
    "盗窃": {"theft"},
    "窃案": {"theft"},
    "盗窃案": {"theft"},
    "案盗": set(),
    "盗": {"theft", "mixed"},
    "丰": {"theft"},
    "张三 盗窃": {"theft"},
    "张三 斗殴": set(),
    "斗殴 李四": {"fight"},
    "讯问": {"mixed"},
    "第3审讯室": {"mixed"},
    "审讯室C座": {"mixed"},
    "dsj": {"device"},
    "DSJ-007": {"device"},
    "dsj007": {"device"},
    "20260302": {"device"},
    "202603": {"device"},
    "0302": set(),
    "2026年03月": {"theft"},
    "body": {"device"},
    "bod": {"device"},
    "ody": set(),
    "dsj88": {"device"},
    "zurich": {"fight"},
    "STRASSE": {"fight"},
    "沪A12345": {"fight"},
    "沪a123": {"fight"},
    "": set(),
    "!!! ---": set(),
}


@pytest.mark.usefixtures("texts")
def test_each_query_finds_what_a_person_would(archive: Archive) -> None:
    assert {query: found(archive, query) for query in QUERIES} == QUERIES


@pytest.mark.usefixtures("texts")
def test_signs_are_never_syntax_and_operators_are_words(archive: Archive) -> None:
    signs = ['"', "*", "'", ";", "--", "^", "(", ")", "{", "}", "-", ":", ":*", "!", "\\", "\x00", "&", "|", "<->", "+"]
    operators = [
        "盗窃 OR 斗殴",
        "盗窃 NOT 斗殴",
        "NEAR(盗窃 斗殴)",
        "盗窃 & 斗殴",
        "盗窃 | 斗殴",
        "a <-> b",
        "NOT",
        "words:盗窃",
    ]

    for sign in signs:
        assert found(archive, f"{sign}盗窃") == found(archive, f"盗窃{sign}") == {"theft"}, sign
    for query in operators:
        assert found(archive, query) == set(), query


def test_any_text_may_be_asked_and_a_text_finds_itself(archive: Archive) -> None:
    recording = add_recording(archive, filename="this")
    alphabet = st.sampled_from("盗窃案张三々ーがあ한국ﬁß½²①éİıA1 9_-.'\"*:^()\\\0\u202e𠀀")

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(alphabet, max_size=30) | st.text(max_size=20))
    def holds(text: str) -> None:
        with archive.plain() as session:
            keep_words(session, recording, text)

        assert found(archive, text) == ({"this"} if phrases(text) else set())

    holds()


def test_words_kept_again_replace_those_before(archive: Archive) -> None:
    one, other = add_recording(archive, filename="one"), add_recording(archive, filename="other")
    with archive.plain() as session:
        keep_words(session, one, "斗殴")
        keep_words(session, other, "斗殴")
        keep_words(session, one, "盗窃")

    assert (found(archive, "盗窃"), found(archive, "斗殴")) == ({"one"}, {"other"})


def test_a_recording_is_found_by_what_it_belongs_to(archive: Archive) -> None:
    place = {"name": "钟楼地铁站", "lat": 34.26, "lon": 108.94}
    incident = add_incident(archive, "J20260302-0007", type="扒窃", place=place)
    case = add_case(archive, "雁公(刑)受案字〔2026〕12号", title="王某盗窃案")
    recording = add_recording(archive, filename="执法.mp4", officer="041234", device="DSJ-1", note="左侧有遮挡")
    link(archive, recording, "incident", incident)
    link(archive, recording, "case", case)
    gone = add_case(archive, "A-gone", title="诈骗")
    link(archive, recording, "case", gone, ended=True)
    with archive.work() as work:
        index_recording(work.session, work.session.get_one(Recording, recording))

    for query in ("钟楼", "扒窃", "J20260302-0007", "受案字〔2026〕12号", "王某", "041234", "dsj-1", "遮挡", "执法"):
        assert found(archive, query) == {"执法.mp4"}, query
    assert found(archive, "诈骗") == found(archive, "A-gone") == set()


def test_a_new_title_reaches_the_recordings_of_the_case(archive: Archive) -> None:
    case = add_case(archive, "A1")
    recording = add_recording(archive, filename="a.mp4")
    link(archive, recording, "case", case)
    with archive.work() as work:
        work.session.get_one(Case, case).title = "抢劫案"
        work.append("case.put", case, number="A1", after={"title": "抢劫案"})
        index_linked(work.session, "case", case)

    assert found(archive, "抢劫") == {"a.mp4"}


def test_words_are_kept_even_where_a_text_is_absurdly_long(archive: Archive) -> None:
    recording = add_recording(archive, filename="long")
    with archive.plain() as session:
        keep_words(session, recording, "盗窃 " + "x" * 5000 + "讯" * 100_000)

    assert found(archive, "盗窃") == found(archive, "x" * 5000) == found(archive, "讯讯讯") == {"long"}


def test_cases_are_found_by_any_part_of_their_text(archive: Archive) -> None:
    add_case(archive, "雁公(刑)字〔2026〕12号", title="王某盗窃案")
    add_case(archive, "A-100%_x", title="Brawl at Zürich bar")

    def cases(query: str) -> list[str]:
        with archive.reading() as session:
            return sorted(session.scalars(select(Case.number).where(matches_case(query))))

    assert cases("盗窃") == cases("王某 12号") == ["雁公(刑)字〔2026〕12号"]
    assert cases("zurich BRAWL") == cases("%_") == cases("a-100%") == ["A-100%_x"]
    assert cases("盗窃 brawl") == cases("\\") == cases("x%a") == []
    assert len(cases("")) == len(cases("  \0")) == 2


def test_runs_are_cut_into_pairs_and_their_last_character() -> None:
    spelled = {"盗窃": "u0076d7u007a83", "窃案": "u007a83u006848", "案": "u006848", "盗": "u0076d7"}

    assert words("盗窃案A1 盗") == f"{spelled['盗窃']} {spelled['窃案']} {spelled['案']} a 1 {spelled['盗']}"
    assert phrases("盗窃案") == [Phrase((spelled["盗窃"], spelled["窃案"]), open_ended=False)]
    assert phrases("盗 a1") == [Phrase((spelled["盗"],), open_ended=True), Phrase(("a", "1"), open_ended=True)]
    assert phrases("案a") == [Phrase((spelled["案"], "a"), open_ended=True)]
