"""The signer: one history, remembered before a signature leaves, whatever happens to the process or the database."""

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.custody import vrf
from services.custody.entry import FIRST_PREV, Entry, commit_payload, entry_bytes, leaf_hash, make_fields
from services.custody.note import PLAIN, Note, VerifierKey, open_note, read_note
from services.custody.proof import prove_consistency, prove_inclusion
from services.custody.signer import LogSigner, resume
from services.custody.signerhome import SignerHome
from services.custody.signingkey import SigningKey
from services.custody.tree import EMPTY_ROOT, root
from services.errors import Conflict, HeadRefused, Misconfigured, NoteRefused, ProofRefused, SignerUnavailable
from tests.custody.notes import LEAVES, NOON, ORIGIN, key, signed_head, tree
from tests.custody.signing import open_signer, sign

OTHER = [leaf_hash(b"%d" % number) for number in range(100)]


def other(start: int, end: int) -> bytes:
    return root(OTHER[start:end])


def test_heads_that_continue_are_signed_and_the_last_one_is_the_same_again(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        notes = [sign(signer, size) for size in (1, 2, 7, 300)]
        again = signer.sign(300, tree(0, 300), [])
        keys = signer.public().keys

    assert [open_note(note, keys).text for note in notes] == [signed_head(n).text for n in (1, 2, 7, 300)]
    assert again == notes[-1]


def test_the_first_head_is_taken_as_it_is_once(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        assert signer.public().root == EMPTY_ROOT
        with pytest.raises(HeadRefused, match="continues nothing"):
            signer.sign(5, tree(0, 5), [LEAVES[0]])
        signer.sign(5, tree(0, 5), [])
        with pytest.raises(HeadRefused, match="does not continue"):
            signer.sign(9, other(0, 9), [])


def test_an_older_database_is_refused_with_its_mend(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        sign(signer, 9)
        with pytest.raises(HeadRefused, match="restore a newer copy or run `huisu recover`"):
            signer.sign(7, tree(0, 7), [])
        with pytest.raises(HeadRefused, match="restore a newer copy"):
            signer.sign(0, EMPTY_ROOT, [])


def test_another_history_is_refused(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        sign(signer, 9)
        with pytest.raises(HeadRefused, match="were signed with root"):
            signer.sign(9, other(0, 9), [])
        for proof in ([], prove_consistency(other, 9, 20), prove_consistency(tree, 9, 20)[:-1]):
            with pytest.raises(HeadRefused, match="does not continue"):
                signer.sign(20, tree(0, 20) if len(proof) < 3 else other(0, 20), proof)
        assert signer.public().size == 9


def test_a_new_process_remembers(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        note = sign(signer, 9)
    with open_signer(tmp_path / "s", first_seed=50) as signer:
        assert signer.sign(9, tree(0, 9), []) == note
        with pytest.raises(HeadRefused):
            signer.sign(8, tree(0, 8), [])
        assert open_note(sign(signer, 20), signer.public().keys).text == signed_head(20).text


def test_its_files_are_for_its_user_alone(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        sign(signer, 2)

    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").iterdir()} == {0o600}


def test_the_name_of_a_log_is_for_life(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s", None) as signer:
        assert signer.public().origin == "huisu.local/made"
    with open_signer(tmp_path / "s", None) as signer:
        assert signer.public().origin == "huisu.local/made"
    with pytest.raises(Misconfigured, match="for life"), open_signer(tmp_path / "s", "other.example"):
        pass
    with pytest.raises(NoteRefused), open_signer(tmp_path / "t", "huisu/receipt/v1"):
        pass


def test_two_signers_never_work_on_one_folder(tmp_path: Path) -> None:
    with (
        open_signer(tmp_path / "s"),
        pytest.raises(Misconfigured, match="another signer"),
        open_signer(tmp_path / "s"),
    ):
        pass
    with open_signer(tmp_path / "s"):
        pass


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "foreign"])
def test_without_its_memory_it_signs_nothing_until_it_is_given_a_head(tmp_path: Path, damage: str) -> None:
    with open_signer(tmp_path / "s") as signer:
        notes = [sign(signer, size) for size in (5, 9)]
    memory = tmp_path / "s" / "head"
    left = {"empty": b"", "cut": notes[1][:-20], "foreign": signed_head(9, key(7)).content}
    memory.unlink()
    if damage in left:
        memory.write_bytes(left[damage])

    with open_signer(tmp_path / "s", first_seed=50) as signer:
        for act in (lambda: sign(signer, 20), lambda: signer.receipt(LEAVES[0], 5), signer.rotate):
            with pytest.raises(SignerUnavailable, match="--resume-from"):
                act()
    with pytest.raises(NoteRefused):
        resume(SignerHome(tmp_path / "s"), None, signed_head(9, key(7)).content)
    cosigned = read_note(notes[1]).with_signatures([key(9, "w.example", 4).sign(read_note(notes[1]).text, at=5)])
    assert resume(SignerHome(tmp_path / "s"), ORIGIN, cosigned.content).size == 9
    with open_signer(tmp_path / "s", first_seed=50) as signer:
        with pytest.raises(HeadRefused):
            sign(signer, 8)
        assert read_note(sign(signer, 20)).text == signed_head(20).text


def test_a_signer_with_its_memory_or_without_a_key_has_nothing_to_resume(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        note = sign(signer, 5)
        with pytest.raises(Misconfigured, match="another signer"):
            resume(SignerHome(tmp_path / "s"), None, note)
    with pytest.raises(Conflict, match="nothing to resume"):
        resume(SignerHome(tmp_path / "s"), None, note)
    with pytest.raises(NoteRefused, match="holds no key"):
        resume(SignerHome(tmp_path / "empty"), None, note)


@pytest.mark.parametrize("name", ["log-1.key", "draw.key", "origin"])
def test_a_lost_key_is_never_made_anew(tmp_path: Path, name: str) -> None:
    with open_signer(tmp_path / "s") as signer:
        sign(signer, 5)
    (tmp_path / "s" / name).unlink()

    with pytest.raises(Misconfigured, match=r"restore|lacks"), open_signer(tmp_path / "s", first_seed=50):
        pass


def test_receipts_and_random_numbers_are_of_its_keys(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        public = signer.public()
        receipt = signer.receipt(LEAVES[3], 1_772_452_800_000)

        assert receipt.check(public.keys) == public.current
        assert vrf.check(public.draw_key, b"alpha", signer.vrf(b"alpha"))
        assert public.draw_key != public.current.public


# --- rotation


Fields = list[tuple[str, bytes, str]]


def rotation_entry(pair: tuple[VerifierKey, VerifierKey], kind: str = "key.rotate") -> tuple[bytes, Fields]:
    """Give an entry that names an old and a new key, and what it commits to."""
    values = {"old": pair[0].vkey, "new": pair[1].vkey}
    made = make_fields(values, {name: bytes([len(name)]) * 16 for name in values})
    commitment = commit_payload({one.name: one.commitment for one in made})
    text = entry_bytes(Entry(kind, "0" * 32, NOON, "0" * 32, 0, FIRST_PREV, commitment))
    return text, [(one.name, one.salt, one.value) for one in made]


def seeded(first: int) -> VerifierKey:
    """Give the log's key that `open_signer` makes from this number."""
    return SigningKey(ORIGIN, PLAIN, bytes([first]) * 32).verifier


def leaves_with(entry: bytes, index: int, size: int) -> list[bytes]:
    return [*LEAVES[:index], leaf_hash(entry), *LEAVES[index + 1 : size]]


def test_a_new_key_signs_after_a_head_of_both_that_holds_its_entry(tmp_path: Path) -> None:
    entry, fields = rotation_entry((seeded(2), seeded(3)))
    leaves = leaves_with(entry, 6, 20)

    def grown(start: int, end: int) -> bytes:
        return root(leaves[start:end])

    with open_signer(tmp_path / "s") as signer:
        signer.sign(5, grown(0, 5), [])
        old, new = signer.rotate()
        assert signer.rotate() == (old, new) == (seeded(2), seeded(3))
        with pytest.raises(ProofRefused):
            signer.finish_rotation(entry, 6, [], fields)
        both = signer.sign(9, grown(0, 9), prove_consistency(grown, 5, 9))
        path = prove_inclusion(grown, 6, 9)
        with pytest.raises(ProofRefused, match=r"not a sys\.start"):
            signer.finish_rotation(rotation_entry((old, new), "sys.start")[0], 6, path, fields)
        with pytest.raises(ProofRefused, match="no entry"):
            signer.finish_rotation(b"{}", 6, path, fields)
        assert signer.finish_rotation(entry, 6, path, fields) == new
        with pytest.raises(Conflict):
            signer.finish_rotation(entry, 6, path, fields)
    with open_signer(tmp_path / "s", first_seed=50) as signer:
        after = signer.sign(20, grown(0, 20), prove_consistency(grown, 9, 20))
        assert signer.public().keys == (old, new)
        assert signer.receipt(LEAVES[0], 5).check([new]) == new

    assert len(read_note(both).verified([old, new])) == 2
    assert [one for one, _ in read_note(after).verified([old, new])] == [new]


def test_the_entry_of_another_rotation_lets_no_key_go(tmp_path: Path) -> None:
    """Else who reaches the socket could change the key with an entry of years ago, and no two persons."""
    entry, fields = rotation_entry((seeded(7), seeded(2)))
    leaves = leaves_with(entry, 3, 9)

    def grown(start: int, end: int) -> bytes:
        return root(leaves[start:end])

    with open_signer(tmp_path / "s") as signer:
        signer.sign(5, grown(0, 5), [])
        pair = signer.rotate()
        signer.sign(9, grown(0, 9), prove_consistency(grown, 5, 9))
        path, own = prove_inclusion(grown, 3, 9), rotation_entry(pair)[1]
        with pytest.raises(ProofRefused, match="names the old key"):
            signer.finish_rotation(entry, 3, path, fields)
        for claimed in (own, fields[:1], [(name, salt[:-1], value) for name, salt, value in fields]):
            with pytest.raises(ProofRefused, match="commits to"):
                signer.finish_rotation(entry, 3, path, claimed)
        assert signer.public().keys == pair[:1]


def test_an_unfinished_rotation_goes_on_in_a_new_process(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        sign(signer, 5)
        pair = signer.rotate()
    with open_signer(tmp_path / "s", first_seed=50) as signer:
        assert signer.rotate() == pair
        assert len(read_note(sign(signer, 9)).signatures) == 2


def test_a_signer_that_is_resumed_in_a_rotation_keeps_both_signatures(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        pair = signer.rotate()
        both = sign(signer, 9)
    (tmp_path / "s" / "head").unlink()

    resume(SignerHome(tmp_path / "s"), None, both)

    with open_signer(tmp_path / "s", first_seed=50) as signer:
        assert len(read_note(sign(signer, 9)).verified(pair)) == 2


def test_a_later_key_without_the_first_is_a_loss_and_no_beginning(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        signer.rotate()
    for name in ("log-1.key", "head"):
        (tmp_path / "s" / name).unlink()

    with pytest.raises(Misconfigured, match="restore"), open_signer(tmp_path / "s", first_seed=50):
        pass


def test_a_head_before_the_new_key_is_not_enough(tmp_path: Path) -> None:
    entry, fields = rotation_entry((seeded(2), seeded(3)))
    leaves = leaves_with(entry, 3, 5)
    with open_signer(tmp_path / "s") as signer:
        signer.sign(5, root(leaves), [])
        signer.rotate()
        path = prove_inclusion(lambda start, end: root(leaves[start:end]), 3, 5)
        with pytest.raises(ProofRefused, match="not signed by the new key"):
            signer.finish_rotation(entry, 3, path, fields)


# --- death at every step

CALLS = ("open", "write", "fsync", "replace", "rename", "unlink")


def arm(kind: str, number: int) -> None:
    """Make the N-th call to the file system end, refuse or hang this process."""
    left = number

    def wrap(call: str) -> None:
        real = getattr(os, call)

        def counted(*args: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                if kind == "exit":
                    os._exit(3)
                if kind == "hang":
                    signal.pause()
                raise OSError(5, "Input/output error")
            return real(*args, **named)

        setattr(os, call, counted)

    for call in CALLS:
        wrap(call)


def in_a_child(folder: Path, kind: str, number: int, size: int) -> bytes | None:
    """Let a child sign a head and die on the way; gives what it released. None: it came to no end of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            arm(kind, number)
            with open_signer(folder) as signer:
                os.close(reader)
                released = sign(signer, size)
                os.fdopen(writer, "wb").write(released + b"\x00")
        finally:
            os._exit(0)
    os.close(writer)
    if kind == "hang":
        time.sleep(0.05)
        deadline = time.monotonic() + 20
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
            if state == "S" or time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                break
            time.sleep(0.01)
    else:
        os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    return said[:-1] if said.endswith(b"\x00") else None


@pytest.mark.parametrize("kind", ["exit", "raise", "hang"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first head", "later head"])
def test_a_signer_that_dies_anywhere_never_signs_two_heads(tmp_path: Path, kind: str, is_first: bool) -> None:
    rival = [*LEAVES[:3], *OTHER[:4]]
    proof = [] if is_first else prove_consistency(lambda start, end: root(rival[start:end]), 3, 7)
    for number in range(1, 200):
        folder = tmp_path / f"{number}"
        if not is_first:
            with open_signer(folder) as signer:
                sign(signer, 3)

        released = in_a_child(folder, kind, number, 7)

        with open_signer(folder) as signer:
            try:
                signer.sign(7, root(rival), proof)
            except HeadRefused:
                assert sign(signer, 9)
            else:
                assert released is None, f"both were signed after death at call {number}"
        if released is not None and number > 20:
            break
    else:
        pytest.fail("the child never came through")


class OneHistory(RuleBasedStateMachine):
    """Whatever is asked, in whatever order and after whatever restart: all released heads are of one history."""

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory(prefix="huisu-signer-")
        self.trees = {"ours": tree, "other": other, "late": lambda a, b: root([*LEAVES[:20], *OTHER[20:]][a:b])}
        self.released: dict[int, bytes] = {}
        self.signer = self._open()

    def _open(self) -> LogSigner:
        return LogSigner(SignerHome(Path(self.folder.name) / "s"), ORIGIN, lambda: ORIGIN, lambda: bytes(range(32)))

    @rule(size=st.integers(0, 60), whose=st.sampled_from(["ours", "other", "late"]), since=st.integers(0, 60))
    def ask(self, size: int, whose: str, since: int) -> None:
        one = self.trees[whose]
        last = self.signer.public().size if since % 3 else since
        proof = prove_consistency(one, last, size) if 0 < last < size else []
        wanted = one(0, size) if size else EMPTY_ROOT
        try:
            self.signer.sign(size, wanted, proof)
        except HeadRefused:
            return
        assert self.released.setdefault(size, wanted) == wanted

    @rule()
    def restart(self) -> None:
        self.signer.close()
        self.signer = self._open()

    @invariant()
    def all_are_of_one_history(self) -> None:
        roots = {size: wanted for size, wanted in getattr(self, "released", {}).items() if size}
        assert not roots or any(
            all(one(0, size) == wanted for size, wanted in roots.items()) for one in self.trees.values()
        )

    def teardown(self) -> None:
        if hasattr(self, "signer"):
            self.signer.close()
            self.folder.cleanup()


TestOneHistory = OneHistory.TestCase
TestOneHistory.settings = settings(
    max_examples=200 if os.environ.get("HUISU_SOAK") else 25, stateful_step_count=20, deadline=None
)


def test_a_note_of_its_own_with_more_lines_is_remembered_without_them(tmp_path: Path) -> None:
    with open_signer(tmp_path / "s") as signer:
        note = read_note(sign(signer, 5))
    (tmp_path / "s" / "head").unlink()

    stranger = key(40, "stranger").sign(note.text)
    resume(SignerHome(tmp_path / "s"), None, Note(note.text, (stranger, *note.signatures)).content)

    assert (tmp_path / "s" / "head").read_bytes() == note.content
