"""
List everything that is ever recorded. A closed list: a name once written never changes its meaning.

`about` is the kind of object whose chain carries the entry; `fields` are the names its payload may
have, `disclosed` those that every export of the object shows (knowledge: integrity 2.1).
"""

from dataclasses import dataclass
from typing import Final, Literal

About = Literal[
    "recording",
    "incident",
    "case",
    "session",
    "unit",
    "device",
    "account",
    "token",
    "upload",
    "draw",
    "export",
    "system",
]

SYSTEM: Final = "00000000-0000-7000-8000-000000000000"
"""The object of entries about the archive itself. A constant, so that every archive's system chain has one name."""


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of entry: its name, whose chain carries it and which fields it commits to."""

    name: str
    about: About
    fields: frozenset[str]
    disclosed: frozenset[str] = frozenset()
    meaning: str = ""


def _event(name: str, about: About, fields: str, meaning: str, disclosed: str = "") -> Event:
    shown = frozenset(disclosed.split())
    return Event(name, about, frozenset(fields.split()) | shown, shown, meaning)


_ALL: Final = (
    # footage
    _event(
        "rec.ingest", "recording",
        "camera_id dock_id officer unit kind rec_start rec_end start_source dock_claimed_sha256 received_at object_key "
        "version_id filename arrival sender metadata state reason",
        "A recording entered the archive: its original is stored under its digest.",
        disclosed="sha256 size chunk_log2 chunk_root container",
    ),
    _event("rec.arrival", "recording", "arrival sender dock_id filename received_at dock_claimed_sha256 metadata",
           "The same bytes arrived once more and belong to this recording.", disclosed="sha256"),
    _event("rec.verify", "recording", "object_key version_id result found_sha256 found_size",
           "The stored original was read back and compared.", disclosed="sha256 size"),
    _event("rec.quarantine", "recording", "reason expected found", "The recording was set aside; it is never deleted."),
    _event("rec.lock", "recording", "version_id mode until hold found", "The store's lock on the original was set."),
    _event("rec.facts", "recording", "duration streams recorded_at location flags playable rec_start rec_end "
           "start_source tool state error recovered", "The original was examined.", disclosed="container"),
    _event("rec.essence", "recording", "", "The original was fingerprinted frame by frame: one tree of each track.",
           disclosed="essence_root tracks version tool sha256 reason"),
    _event("rec.rendition", "recording", "rendition kind parent recipe object_key size sha256 frames flags",
           "A rendition was made from the original."),
    _event("rec.rendition.drop", "recording", "rendition kind object_key sha256 reason",
           "A rendition that is no longer needed was removed; it can be made again."),
    _event("rec.link", "recording", "link target_type target number origin rule score reasons actor",
           "The recording was linked to an incident or a case."),
    _event("rec.unlink", "recording", "link target_type target number reason actor", "A link was removed."),
    _event("rec.propose", "recording", "proposal target_type target number score reasons rule",
           "A doubtful link was proposed to a person."),
    _event("rec.answer", "recording", "proposal answer target_type target number reason actor",
           "A person confirmed or rejected a proposed link."),
    _event("rec.session", "recording", "session position method uncertainty gap_before overlap_before",
           "The recording took its place in a session."),
    _event("rec.meta", "recording", "actor before after", "Category, grade or note changed."),
    _event("rec.retention", "recording", "until rule before", "The date to keep the recording until changed."),
    _event("rec.unit", "recording", "unit before reason", "The unit that the recording belongs to became known."),
    _event("rec.flag.dismiss", "recording", "actor reason flag kind start end detector version score channel",
           "A person found nothing in what a machine had flagged; the flag stays visible."),
    _event("rec.flag.restore", "recording", "actor reason flag kind start end detector version score channel",
           "The dismissal of a flag was taken back."),
    _event("rec.view.start", "recording", "actor role case purpose reason session viewing address",
           "A person began to look at the recording."),
    _event("rec.view.end", "recording", "actor viewing byte_ranges time_ranges bytes_sent outcome",
           "The look ended; what was sent and watched."),
    _event("rec.preview", "recording", "actor role day", "A person saw its pictures in lists on this day."),
    _event("rec.clip", "recording", "actor viewing mode start end first_frame end_frame",
           "A clip of this range was asked for and sent."),
    _event("rec.original", "recording", "actor viewing reason", "The original itself was asked for and sent."),
    _event("rec.export", "recording", "actor", "An item of an export package was made from the recording.",
           disclosed="export item kind made file sha256 size chunk_log2 chunk_root start end copies recipient purpose "
                     "case"),
    # its upkeep
    _event("rec.fixity", "recording", "object_key version_id outcome expected found",
           "The stored original was read again and is not what was taken in.", disclosed="sha256 size"),
    _event("rec.repair.propose", "recording", "actor repair file proposal former_version expires_at",
           "A person proposed a good copy of a damaged original.", disclosed="sha256 size chunk_root"),
    _event("rec.repair", "recording", "actor approver repair proposal object_key former_version version_id",
           "Two persons put a good copy above a damaged original, which stays beside it.",
           disclosed="sha256 size chunk_root"),
    _event("rec.rebuild", "recording",
           "camera_id dock_id officer unit kind rec_start rec_end start_source dock_claimed_sha256 received_at "
           "object_key version_id filename arrival sender metadata state reason",
           "After a restore the recording's facts were rebuilt from the store; the values of its first entry are lost.",
           disclosed="sha256 size chunk_log2 chunk_root container"),
    # what footage belongs to
    _event("session.make", "session", "kind device_id room method", "A session was formed."),
    _event("incident.put", "incident", "number actor before after", "An incident was taken in or changed."),
    _event("case.put", "case", "number actor before after", "A case was taken in or changed."),
    # people and things
    _event("unit.put", "unit", "actor before after", "A unit was added or changed."),
    _event("device.put", "device", "actor before after", "A device was added or changed."),
    _event("user.add", "account", "actor name role unit", "An account was made."),
    _event("user.change", "account", "actor before after", "An account's role, unit or state changed."),
    _event("token.issue", "token", "actor name role unit expires_at", "A bearer token was issued."),
    _event("token.revoke", "token", "actor name reason", "A bearer token was revoked."),
    _event("auth.link", "account", "actor expires_at", "A single-use login link was made."),
    _event("auth.login", "account", "address method session", "A person logged in."),
    _event("auth.logout", "account", "session", "A person logged out."),
    _event("auth.refused", "account", "address method", "A login was refused."),
    _event("account.deny", "account", "action target method address", "A request by this account was refused."),
    _event("token.deny", "token", "action target method address", "A request with this token was refused."),
    _event("account.search", "account", "query filters results", "A person searched."),
    _event("token.search", "token", "query filters results", "A program searched."),
    # spot checks
    _event("draw.define", "draw", "",
           "A spot check was defined: whatever counts for its draw is frozen from here on.",
           disclosed="actor number programme unit from to ticket filter strata size reserve seed_sources grade_max "
                     "scorecard cross population pop_root tickets_sha256 vrf_key reveal_until second_of reason"),
    _event("draw.seed", "draw", "actor", "The first head that holds the definition fixed the draw's random number.",
           disclosed="size root index vrf_proof"),
    _event("draw.reveal", "draw", "actor", "An outside input that the definition names was told.",
           disclosed="kind by value"),
    _event("draw.result", "draw", "actor", "The draw was made.", disclosed="seed drawn label"),
    _event("draw.fail", "draw", "actor", "An outside input did not come in time: the draw failed and stays listed.",
           disclosed="missing reveal_until"),
    _event("draw.assign", "draw", "actor reviewer due before", "A drawn item was given to a reviewer.",
           disclosed="item"),
    _event("draw.skip", "draw", "actor note", "A drawn item was left out for a listed reason; the next of the reserve "
           "takes its place.", disclosed="item reason borne_out replaced_by"),
    _event("draw.review", "draw", "actor answers note evidence without_watching",
           "A reviewer scored an item, or handed it in.",
           disclosed="item state scorecard version results score watched"),
    _event("draw.confirm", "draw", "actor", "Handed-in reviews were confirmed by another person.", disclosed="items"),
    # export packages
    _event("export.make", "export", "actor recipient purpose case copies disclosure items state",
           "An export was asked for."),
    _event("export.answer", "export", "actor answer reason", "A second person approved or refused an export."),
    _event("export.enter", "export", "items", "What the packages hold was made and entered with its recordings."),
    _event("export.release", "export", "packages size witnessed missing", "The packages were checked and released."),
    _event("export.fail", "export", "code reason findings", "An export failed; nothing of it was released."),
    _event("export.take", "export", "actor copy sha256 address method", "A package was asked for and sent."),
    # the archive itself
    _event("sys.deny", "system", "minute address kind count", "Refused requests without an identity, by the minute."),
    _event("sys.start", "system", "version schema", "This version of the archive ran for the first time on this data."),
    _event("key.rotate", "system", "actor approver",
           "Two persons gave the log a new key; heads from here on are signed by it.", disclosed="old new"),
    _event("sys.fixity", "system", "day checks failures bytes_read root",
           "The stored originals that were read again on one day, under one root."),
    _event("sys.recover", "system", "actor approver recovery first end unsigned displaced head_size head_root rebuilt "
           "values_lost lost", "Two persons brought the archive forward from the store after a restore."),
    _event("witness.refuse", "system", "witness key size reason",
           "A witness refused to sign a head because it had seen another history of the log."),
    _event("sys.worm", "system", "enforced findings", "The store's lock was probed with another result than before."),
)  # fmt: skip

EVENTS: Final[dict[str, Event]] = {event.name: event for event in _ALL}
