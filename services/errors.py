"""
Name every error that Huisu raises on purpose, with a stable public code.

```
HuisuError
├── Refused              the caller asked for what cannot be; asking again changes nothing
│   ├── Invalid              a value has the wrong form or meaning
│   │   ├── RangeOutside         a range lies outside the recording
│   │   ├── ClipTooLong          an exact clip is longer than a request may make
│   │   └── WrongContentType     a body is not of the kind this address takes
│   ├── Unauthenticated      no credential, or one that is not valid
│   │   └── LoginRefused         name, password or link is wrong
│   ├── NotAllowed           the caller may know of the thing but may not do this
│   ├── ReasonRequired       this look needs a stated reason
│   ├── NotFound             no such thing, or none the caller may know of
│   ├── Gone                 it was here and has ended (an expired upload)
│   ├── Conflict             the thing's state contradicts the request
│   │   ├── OffsetMismatch       an upload's bytes do not continue where the store ends
│   │   ├── IdempotencyConflict  the same key came with another body
│   │   ├── NotPlayable          the recording is damaged, or nothing of it can be shown
│   │   ├── DrawNotReady         a spot check lacks what its next step rests on
│   │   ├── DrawFailed           an outside input of a draw did not come in time
│   │   └── SecondDefinition     this was defined before; a second time needs another person and a reason
│   ├── PreconditionRequired a change without If-Match
│   ├── PreconditionFailed   the thing changed since it was read
│   ├── ChecksumMismatch     bytes differ from the sum sent with them
│   ├── TooLarge             more than the archive takes at once
│   ├── BodyStalled          a body stopped coming before its end
│   ├── WrongGate            an upload's bytes lie at another gate
│   └── VerbatimNotPossible  this range cannot be cut without re-encoding
├── Unavailable          nothing was kept or changed; trying again later may help
│   ├── StoreUnavailable     the object store does not answer as it must
│   ├── DiskFull             no room to keep the bytes
│   ├── DatabaseBusy         the database did not take the transaction in time
│   ├── TooManyRequests      the caller is asked to slow down
│   ├── AskedToWait          another archive said when to ask it again
│   ├── SignerUnavailable    the process that holds the log's key does not answer
│   └── NotReady             the thing is still being made
├── IntegrityError       what is stored contradicts what was recorded; never retried, always an alarm
│   ├── DigestMismatch       bytes differ from their recorded digest
│   ├── ObjectConflict       other bytes are already kept under this key
│   ├── HeadRefused          the signer will not sign a log that does not continue what it signed
│   └── UnrecordedChange     evidence would change without its ledger entry
├── MediaError           a file cannot be read as what it claims to be
│   ├── Unplayable           truncated, empty or broken
│   │   ├── EmptyFile            it holds no byte, or only zeros
│   │   ├── NotMedia             it is no recording of a kind known here (a text, a picture, noise)
│   │   ├── Truncated            it ends before what it announces
│   │   ├── NoIndex              pictures may be there, but nothing says where
│   │   └── BadSampleTables      its tables contradict themselves or the file
│   ├── HostileMedia         made to make a reader open something else, or to exhaust it
│   └── NoDecoder            its codec is not on the list of allowed decoders
├── ToolFailed           a program of ours ended badly
│   └── DeadlinePassed       ... because its time was over
├── ProofRefused         a proof does not show what it claims
│   ├── NoteRefused          a note, key, checkpoint or cosignature is not what it claims
│   └── PolicyRefused        a policy file says nothing that could be followed
└── Misconfigured        the archive cannot start or work with these settings
```

Low floors wrap foreign exceptions at their one home; the edge maps classes to answers by
walking a class's ancestry. `code` is public and never changes meaning.
"""

from typing import ClassVar


class HuisuError(Exception):
    """Be the root of every error raised on purpose; the message names the thing and both values."""

    code: ClassVar[str] = "error"


class Refused(HuisuError):
    """The caller asked for what cannot be; asking again changes nothing."""

    code = "refused"


class Invalid(Refused):
    """A value has the wrong form or meaning."""

    code = "invalid"


class RangeOutside(Invalid):
    """A range lies outside the recording, is empty or runs backwards."""

    code = "range-outside"


class ClipTooLong(Invalid):
    """An exact clip is longer than a request may make; an export has no such limit."""

    code = "clip-too-long"


class WrongContentType(Invalid):
    """A body is not of the kind this address takes."""

    code = "wrong-content-type"


class Unauthenticated(Refused):
    """No credential came with the request, or one that is not valid (any more)."""

    code = "unauthenticated"


class LoginRefused(Unauthenticated):
    """Name, password or link is wrong, used or too old; the message never says which."""

    code = "login-refused"


class NotAllowed(Refused):
    """The caller may know of the thing but may not do this with it."""

    code = "not-allowed"


class ReasonRequired(Refused):
    """This look needs a reason: `X-Access-Reason`, or a viewing opened with one."""

    code = "reason-required"


class NotFound(Refused):
    """There is no such thing, or none that the caller may know of."""

    code = "not-found"


class Gone(Refused):
    """It was here and has ended, such as an expired upload."""

    code = "gone"


class Conflict(Refused):
    """The thing's present state contradicts the request."""

    code = "conflict"


class OffsetMismatch(Conflict):
    """An upload's next bytes do not continue where the stored ones end."""

    code = "offset-mismatch"


class IdempotencyConflict(Conflict):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-conflict"


class NotPlayable(Conflict):
    """The recording is damaged or undecodable: it is kept and downloadable, but there is nothing to show."""

    code = "not-playable"


class DrawNotReady(Conflict):
    """A spot check lacks what its next step rests on: a signed head with its definition, or an outside input."""

    code = "draw-not-ready"


class DrawFailed(Conflict):
    """An outside input of the draw did not come in time; the draw stays listed as failed."""

    code = "draw-failed"


class SecondDefinition(Conflict):
    """This programme was defined before for an overlapping period: it needs another person and a reason."""

    code = "second-definition"


class PreconditionRequired(Refused):
    """A change came without `If-Match`."""

    code = "precondition-required"


class PreconditionFailed(Refused):
    """The thing changed since the caller read it."""

    code = "precondition-failed"


class ChecksumMismatch(Refused):
    """Bytes differ from the checksum sent with them; none of them were kept."""

    code = "checksum-mismatch"


class TooLarge(Refused):
    """More bytes or items than the archive takes at once."""

    code = "too-large"


class BodyStalled(Refused):
    """A body stopped coming before its end; what came is kept where it can count."""

    code = "body-stalled"


class WrongGate(Refused):
    """An upload's bytes lie at another gate; only that one can take or show them."""

    code = "wrong-gate"


class VerbatimNotPossible(Refused):
    """This range cannot be cut from the original without re-encoding."""

    code = "verbatim-not-possible"


class Unavailable(HuisuError):
    """Nothing was kept or changed; trying again later may help."""

    code = "unavailable"
    retry_after_s: int = 5


class StoreUnavailable(Unavailable):
    """The object store does not answer as it must."""

    code = "store-unavailable"


class DiskFull(Unavailable):
    """There is no room to keep the bytes."""

    code = "disk-full"
    retry_after_s = 60


class DatabaseBusy(Unavailable):
    """The database did not take the transaction in time."""

    code = "database-busy"


class TooManyRequests(Unavailable):
    """The caller is asked to slow down, and told for how many seconds."""

    code = "too-many-requests"

    def __init__(self, message: str, retry_after_s: int = 60) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AskedToWait(Unavailable):
    """Another archive said when to ask it again; `wait_s` is its wish in seconds."""

    code = "asked-to-wait"

    def __init__(self, message: str, wait_s: float = 5.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class SignerUnavailable(Unavailable):
    """The process that holds the log's key does not answer, or may not sign yet."""

    code = "signer-unavailable"


class NotReady(Unavailable):
    """The thing is still being made."""

    code = "not-ready"


class IntegrityError(HuisuError):
    """What is stored contradicts what was recorded. Never retried, never downgraded, always an alarm."""

    code = "integrity"


class DigestMismatch(IntegrityError):
    """Bytes differ from their recorded digest."""

    code = "digest-mismatch"


class ObjectConflict(IntegrityError):
    """Other bytes are already kept under this key."""

    code = "object-conflict"


class HeadRefused(IntegrityError):
    """The signer signed a log that this one does not continue: restore a newer copy or run `huisu recover`."""

    code = "head-refused"


class UnrecordedChange(IntegrityError):
    """Evidence would have changed without its ledger entry; nothing was kept."""

    code = "unrecorded-change"


class MediaError(HuisuError):
    """A file cannot be read as what it claims to be; the original stays kept."""

    code = "media"


class Unplayable(MediaError):
    """The file is truncated, empty or broken."""

    code = "unplayable"


class EmptyFile(Unplayable):
    """The file holds no byte, or only zeros."""

    code = "empty"


class NotMedia(Unplayable):
    """The file is no recording of a kind known here: a text, a picture, noise."""

    code = "not-media"


class Truncated(Unplayable):
    """The file ends before what it announces."""

    code = "truncated"


class NoIndex(Unplayable):
    """Pictures and sound may be in the file, but nothing says where they lie."""

    code = "no-index"


class BadSampleTables(Unplayable):
    """The file's tables contradict themselves or the file."""

    code = "bad-sample-tables"


class HostileMedia(MediaError):
    """The file is made to make a reader open something else, or to exhaust it."""

    code = "hostile-container"


class NoDecoder(MediaError):
    """The file's codec is not on the list of allowed decoders."""

    code = "no-decoder"


class ToolFailed(HuisuError):
    """A program of ours ended badly; the message carries its status and last words."""

    code = "tool-failed"


class DeadlinePassed(ToolFailed):
    """A program of ours was ended because its time was over."""

    code = "deadline-passed"


class ProofRefused(HuisuError):
    """A proof about the log, or about footage, does not show what it claims."""

    code = "proof-refused"


class NoteRefused(ProofRefused):
    """A signed note, key, checkpoint or cosignature has another form, or a signature that is not its key's."""

    code = "note-refused"


class PolicyRefused(ProofRefused):
    """A policy of logs and witnesses has another form, or contradicts itself."""

    code = "policy-refused"


class Misconfigured(HuisuError):
    """The archive cannot start or work with these settings; the message says the mend."""

    code = "misconfigured"
