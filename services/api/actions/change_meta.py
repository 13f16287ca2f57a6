"""Change what people say of a recording: category, grade, note. Its technical facts never change."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from sqlalchemy.orm import Session

from services.accounts.rights import NAMED_ONLY_GRADE, Principal
from services.api.actions.open_viewing import require_present
from services.bootstrap import Archive
from services.custody.work import Work
from services.errors import Invalid, PreconditionFailed
from services.index.links import settle
from services.index.models import Person, Recording
from services.index.recording_facts import RecordingFacts, facts
from services.index.visible import fetch

Category = Literal[
    "CALL", "STOP_CHECK", "ON_SPOT_PENALTY", "SCENE_WORK", "COERCION", "MASS_INCIDENT", "INTERROGATION", "WITNESS",
    "DETENTION", "PROPERTY", "RECEPTION", "TRAFFIC", "TRAINING", "ACCIDENTAL", "UNCATEGORISED",
]  # fmt: skip
"""What a recording shows. Source: domain, rule 19."""

FIELDS: Final = ("category", "grade", "note")
CATEGORIES: Final = frozenset(get_args(Category))


def change_meta(
    archive: Archive, who: Principal, recording_id: str, change: Mapping[str, Any], version: int | None
) -> RecordingFacts:
    """
    Set category, grade or note, as far as `change` names them; retention and search follow.

    Whoever makes a recording one of the strictest grade is named on it: else nobody could see it again.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        PreconditionFailed: it has another version than `version`.
        Invalid: an unknown field, category or grade.
    """
    _check(change)
    with archive.work() as work:
        fetch(work.session, who, "recording.categorise", recording_id)
        row = work.session.get_one(Recording, recording_id, with_for_update=True, populate_existing=True)
        require_present(row)
        if version is not None and version != row.version:
            raise PreconditionFailed(f"recording {row.id} has version {row.version}, the change is for {version}")
        before = {name: getattr(row, name) for name in change}
        after = {name: value for name, value in change.items() if value != before[name]}
        if after:
            _change(archive, work, who, row, before, after)
        return facts(work.session, row)


def _change(
    archive: Archive, work: Work, who: Principal, row: Recording, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    for name, value in after.items():
        setattr(row, name, value)
    row.version += 1
    told = dict(after)
    if row.grade >= NAMED_ONLY_GRADE and who.kind == "user" and _name(work.session, row.id, who.id):
        told["persons"] = [who.name]
    work.append("rec.meta", row.id, actor=who.name, before={name: before[name] for name in after}, after=told)
    work.session.flush()
    settle(work, row, archive.link_rules(work.session, row.unit_id))


def _name(session: Session, recording_id: str, user_id: str) -> bool:
    if session.get(Person, (recording_id, user_id)) is not None:
        return False
    session.add(Person(recording_id=recording_id, user_id=user_id))
    return True


def _check(change: Mapping[str, Any]) -> None:
    for name, value in change.items():
        if name not in FIELDS:
            raise Invalid(f"of a recording only {', '.join(FIELDS)} change, not {name[:40]!r}")
        if name == "category" and value not in CATEGORIES:
            raise Invalid(f"{str(value)[:40]!r} is no category: {', '.join(sorted(CATEGORIES))}")
        if name == "grade" and value not in {1, 2, 3, 4}:
            raise Invalid(f"a grade is 1 to 4, not {str(value)[:40]}")
