"""Ask what was signed last: the signer where it runs, else its folder where this process may read it."""

from dataclasses import dataclass

from services.custody.note import VerifierKey
from services.custody.signer import LogSigner
from services.custody.signer_client import Signer
from services.custody.signerhome import SignerHome
from services.errors import Misconfigured, SignerUnavailable
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signer remembers: size and root of the last head it signed, and the log's keys, oldest first."""

    size: int
    root: bytes
    keys: tuple[VerifierKey, ...]


def last_signed(settings: Settings) -> Signed:
    """
    Tell what the signer remembers.

    Raises:
        SignerUnavailable: it does not run and its folder is not here, or it lost its memory.
    """
    try:
        facts = Signer(settings.paths.signer_socket).public()
    except SignerUnavailable as error:
        return _from_folder(settings, error)
    if facts.trouble:
        raise SignerUnavailable(facts.trouble)
    return Signed(facts.size, facts.root, facts.all_keys)


def _from_folder(settings: Settings, unanswered: SignerUnavailable) -> Signed:
    folder = settings.paths.signer
    try:
        is_there = (folder / "log-1.key").is_file()
    except OSError:
        is_there = False
    if not is_there:
        raise SignerUnavailable(f"{unanswered}; and {folder} holds no key: start the signer") from unanswered
    signer = LogSigner(SignerHome(folder), settings.log_origin, _no_name, _no_seed)
    try:
        told = signer.public()
    finally:
        signer.close()
    if told.trouble:
        raise SignerUnavailable(told.trouble)
    return Signed(told.size, told.root, (*told.keys, *([told.upcoming] if told.upcoming else [])))


def _no_name() -> str:
    raise Misconfigured("a recovery names no log")


def _no_seed() -> bytes:
    raise Misconfigured("a recovery makes no key")
