"""A signer for tests: in this process, its memory in a list, its refusals those of the real one."""

from collections.abc import Sequence

from services.custody.checkpoint import Checkpoint
from services.custody.note import PLAIN, Note, VerifierKey
from services.custody.proof import check_consistency
from services.custody.signingkey import SigningKey
from services.custody.tree import EMPTY_ROOT
from services.errors import HeadRefused, ProofRefused

ORIGIN = "custody.test.example/log1"


class HeldSigner:
    """Signs what continues the last head that it signed."""

    def __init__(self) -> None:
        self.key = SigningKey(ORIGIN, PLAIN, bytes(range(32)))
        self.last = (0, EMPTY_ROOT)
        self.signed: list[tuple[int, bytes]] = []

    @property
    def verifier(self) -> VerifierKey:
        return self.key.verifier

    def head(self) -> tuple[int, bytes]:
        return self.last

    def sign(self, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        known, known_root = self.last
        try:
            if known:
                check_consistency(known, known_root, size, root, proof)
        except ProofRefused as error:
            raise HeadRefused(str(error)) from error
        body = Checkpoint(ORIGIN, size, root).body
        self.last = (size, root)
        self.signed.append(self.last)
        return Note(body, (self.key.sign(body),)).content.decode()
