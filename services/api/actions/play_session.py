"""Play one channel of a session: a playlist over its recordings, each under its own look."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from services.accounts.rights import Principal
from services.api.actions.open_viewing import Wish
from services.api.actions.play import Playing, play
from services.api.actions.play_silent import has_sound, silent_playing
from services.api.actions.see_session import lay_out
from services.bootstrap import Archive
from services.errors import Gone, HuisuError, NoDecoder, NotFound, NotPlayable, NotReady
from services.index.models import Viewing
from services.index.session_axis import Laid
from services.index.visible import is_id
from services.media.chapters import Chapter, Hole, playlist_of, trimmed
from services.media.hls import Listed
from services.media.stitch import Lane, Member


def play_session(
    archive: Archive,
    who: Principal,
    name: str,
    channel: str | None,
    wish: Wish,
    rendition: str | None = None,
    audio: int | None = None,
) -> str:
    """
    Begin to play a channel (None: the leading one): enter a look at each recording of it, give the playlist.

    What cannot be played yet, or ever, is a gap of its length. Of a recording that overlaps the one before the part
    that was seen is left out, as far as whole groups of pictures allow. Addresses carry each recording's viewing, and
    begin another when that has ended by silence: the last recording of a long session is asked for hours later.

    Raises:
        NotFound, NotAllowed: as `fetch_session`; or the session has no such channel.
        Invalid: there is no such rendition, or a recording has no sound of that number.
        ReasonRequired: a recording's grade asks for a reason and none was given.
        NotReady, NotPlayable: nothing of the channel can be played yet, or ever.
    """
    laid = lay_out(archive, who, "recording.play", name)
    played: dict[str, Playing] = {}
    refusals: list[HuisuError] = []
    members = [one for one in lane_of(laid, channel).members if one.view_start < one.duration]
    wishes = wishes_for(archive, laid, wish)
    for member in members:
        try:
            begin = member.view_start or None
            played[member.recording] = play(
                archive, who, member.recording, wishes[member.recording], rendition=rendition, start=begin, audio=audio
            )
        except (NotReady, NotPlayable, NoDecoder, Gone) as error:
            refusals.append(error)
    if not played:
        waiting = [error for error in refusals if isinstance(error, NotReady)]
        raise (waiting or refusals or [NotPlayable("the channel holds nothing")])[0]
    alike = _with_sound_alike(archive, played)
    return playlist_of([part for member in members for part in _parts(laid, member, alike.get(member.recording))])


def _with_sound_alike(archive: Archive, played: Mapping[str, Playing]) -> Mapping[str, Playing]:
    """Give recordings without sound a track of silence where others of the channel have sound."""
    heard = {name: has_sound(archive, name, playing) for name, playing in played.items()}
    if all(heard.values()) or not any(heard.values()):
        return played
    return {name: playing if heard[name] else silent_playing(playing) for name, playing in played.items()}


def _parts(laid: Laid, member: Member, playing: Playing | None) -> Iterator[Chapter | Hole]:
    if member.gap_before:
        yield Hole(member.gap_before, laid.at(member.start - member.gap_before))
    segments, at = ((), Fraction(0)) if playing is None else trimmed(playing.segments, member.view_start)
    if playing is None or not segments:
        yield Hole(member.duration - member.view_start, laid.at(member.seen_from))
        return
    address = f"../../../recordings/{member.recording}/hls/"
    listed = tuple(Listed(one.duration, _again(address + one.uri), one.bytes) for one in segments)
    yield Chapter(_again(address + playing.init), listed, laid.at(member.start + at), playing.init_bytes)


def wishes_for(archive: Archive, laid: Laid, wish: Wish) -> Mapping[str, Wish]:
    """
    Say how each recording of a session is looked at: a viewing that the request names is of one of them.

    Raises:
        NotFound: it is of none of them.
    """
    plain = replace(wish, viewing=None)
    if wish.viewing is None:
        return dict.fromkeys(laid.rows, plain)
    with archive.reading() as session:
        row = session.get(Viewing, wish.viewing) if is_id(wish.viewing) else None
        of = None if row is None else row.recording_id
    if of not in laid.rows:
        raise NotFound(f"you have no viewing {wish.viewing[:40]!r} of a recording of this session")
    return {name: wish if name == of else plain for name in laid.rows}


def lane_of(laid: Laid, channel: str | None) -> Lane:
    """Give the lane of a channel, by default the leading one; raises `NotFound` for one that is not there."""
    wanted = laid.leading if channel is None else channel or None
    found = next((lane for lane in laid.edits.lanes if lane.channel == wanted), None)
    if found is None:
        named = ", ".join(repr(lane.channel) for lane in laid.edits.lanes)
        raise NotFound(f"the session has no channel {(channel or '')[:80]!r}; it has {named}")
    return found


def _again(address: str) -> str:
    return f"{address}&again=1"
