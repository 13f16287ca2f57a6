"""A witness: every status of the specification, one history of each log, one head of each draw."""

import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from services.custody.cosignature import DrawRequest, Submission, check_draw, cosign, cosignatures
from services.custody.note import Note, read_note, read_signatures
from services.custody.proof import prove_consistency
from services.custody.tree import EMPTY_ROOT, root
from services.custody.witness.witness import SIZE_TYPE, Witness, open_witness
from services.errors import Misconfigured, Unavailable
from tests.custody.notes import LEAVES, NOON, ORIGIN, head, key, signed_head, tree

NAME = "court.example/witness"
OTHER = LEAVES[::-1]


def other(start: int, end: int) -> bytes:
    return root(OTHER[start:end])


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make(tmp_path / "w")


def make(folder: Path) -> Witness:
    opened = open_witness(folder, NAME, lambda: bytes(range(32)), lambda: NOON)
    opened.memory.trust(key().verifier)
    return opened


def submission(old: int, new: int, grown: Callable[[int, int], bytes] = tree) -> Submission:
    proof = prove_consistency(grown, old, new) if 0 < old < new else []
    body = replace(head(new), root=grown(0, new) if new else EMPTY_ROOT).body
    return Submission(old, tuple(proof), Note(body, (key().sign(body),)).content)


def test_heads_that_continue_are_cosigned(witness: Witness) -> None:
    for old, new in ((0, 3), (3, 3), (3, 9), (9, 300)):
        asked = submission(old, new)
        answer = witness.add_checkpoint(asked.content)

        (found,) = cosignatures(
            read_note(asked.note).with_signatures(read_signatures(answer.body.encode())), [witness.verifier]
        )
        assert (answer.status, found.at) == (200, NOON)
    assert witness.memory.logs() == [(ORIGIN, 300)]


def test_the_first_head_may_be_empty(witness: Witness) -> None:
    assert witness.add_checkpoint(submission(0, 0).content).status == 200
    assert witness.add_checkpoint(submission(0, 5).content).status == 200


def test_who_does_not_know_the_last_size_is_told_it(witness: Witness) -> None:
    assert witness.add_checkpoint(submission(0, 9).content).status == 200

    for old, new in ((0, 20), (8, 20), (10, 20), (3, 5)):
        answer = witness.add_checkpoint(submission(old, new).content)
        assert (answer.status, answer.body, answer.type) == (409, "9\n", SIZE_TYPE)


def test_an_old_size_above_the_new_one_is_no_request(witness: Witness) -> None:
    asked = replace(submission(3, 5), old=6, proof=())

    assert witness.add_checkpoint(asked.content).status == 400


@pytest.mark.parametrize("expects_errors", [["log did not show that it continues"]])
def test_a_rewritten_history_is_refused_and_kept(witness: Witness, expects_errors: list[str]) -> None:
    witness.add_checkpoint(submission(0, 9).content)
    rewritten = submission(9, 20, other)

    assert witness.add_checkpoint(rewritten.content).status == 422
    assert witness.add_checkpoint(submission(9, 9, other).content).status == 409
    assert witness.add_checkpoint(replace(submission(9, 20), proof=()).content).status == 422
    assert witness.memory.contradictions(ORIGIN)[0] == rewritten.content
    assert len(witness.memory.contradictions(ORIGIN)) == 3
    assert witness.add_checkpoint(submission(9, 20).content).status == 200


def test_nothing_is_taken_back(witness: Witness) -> None:
    witness.add_checkpoint(submission(0, 9).content)

    assert witness.add_checkpoint(replace(submission(3, 5), old=9).content).status == 400
    assert witness.add_checkpoint(submission(0, 5).content).status == 409
    assert witness.memory.logs() == [(ORIGIN, 9)]


def test_from_nothing_there_is_nothing_to_prove(witness: Witness) -> None:
    asked = replace(submission(0, 9), proof=(LEAVES[0],))

    assert witness.add_checkpoint(asked.content).status == 422
    assert witness.memory.logs() == [(ORIGIN, 0)]


def test_strangers_are_told_apart(witness: Witness) -> None:
    unknown = Submission(0, (), signed_head(5, key(1, "other.example/log")).content)
    forged = Submission(0, (), signed_head(5, key(2)).content)
    good = read_note(submission(0, 5).note)
    broken = replace(good.signatures[0], value=bytes(64))

    assert witness.add_checkpoint(unknown.content).status == 404
    assert witness.add_checkpoint(forged.content).status == 403
    assert witness.add_checkpoint(Submission(0, (), Note(good.text, (broken,)).content).content).status == 403
    assert witness.memory.logs() == [(ORIGIN, 0)]


def test_a_log_with_two_keys_is_known_by_either(witness: Witness) -> None:
    witness.memory.trust(key(2).verifier)
    stranger = key(3).sign(head(5).body)
    note = signed_head(5, key(2)).with_signatures([stranger])

    assert witness.add_checkpoint(Submission(0, (), note.content).content).status == 200


@pytest.mark.parametrize("body", [b"", b"old 1\n", b"hello", b"old 0\n\nx\n\n", submission(0, 5).content[:-1]])
def test_what_is_no_request_is_answered_so(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400
    assert witness.sign_draw(body).status == 400


def test_requests_at_once_never_take_the_memory_back(witness: Witness) -> None:
    witness.add_checkpoint(submission(0, 5).content)
    answers: list[tuple[int, int]] = []

    def ask(new: int) -> None:
        answers.append((new, witness.add_checkpoint(submission(5, new).content).status))

    threads = [threading.Thread(target=ask, args=(new,)) for new in range(6, 26)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    signed = [new for new, status in answers if status == 200]
    assert len(signed) == 1
    assert witness.memory.logs() == [(ORIGIN, signed[0])]


def test_a_new_process_remembers_key_and_heads(tmp_path: Path) -> None:
    make(tmp_path / "w").add_checkpoint(submission(0, 5).content)

    again = open_witness(tmp_path / "w", None, lambda: bytes(32), lambda: NOON)

    assert again.verifier == make(tmp_path / "w").verifier
    assert again.add_checkpoint(submission(0, 7).content).status == 409
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600


def test_a_witness_has_one_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="needs a name"):
        open_witness(tmp_path / "w", None, lambda: bytes(32), lambda: NOON)
    make(tmp_path / "w")
    with pytest.raises(Misconfigured, match="for life"):
        open_witness(tmp_path / "w", "other.example", lambda: bytes(32), lambda: NOON)


def test_a_memory_that_does_not_answer_signs_nothing(tmp_path: Path) -> None:
    witness = make(tmp_path / "w")
    (tmp_path / "w" / "witness.db").write_bytes(b"no database" * 100)

    with pytest.raises(Unavailable, match="the witness's memory"):
        witness.add_checkpoint(submission(0, 5).content)


def test_a_key_that_is_trusted_no_more_counts_for_nothing(witness: Witness) -> None:
    witness.add_checkpoint(submission(0, 5).content)
    witness.memory.trust(key(2).verifier)
    assert witness.memory.distrust(key().verifier.vkey)
    assert not witness.memory.distrust(key().verifier.vkey)

    assert witness.add_checkpoint(submission(5, 9).content).status == 403
    assert witness.memory.logs() == [(ORIGIN, 5)]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_submission_never_makes_another_head_count(data: st.DataObject) -> None:
    content = submission(5, 9).content
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    changed = {
        "flip": content[:place] + bytes([content[place] ^ 1 << data.draw(st.integers(0, 7))]) + content[place + 1 :],
        "cut": content[:place] + content[place + data.draw(st.integers(1, 40)) :],
        "insert": content[:place] + data.draw(st.binary(min_size=1, max_size=40)) + content[place:],
    }[kind]
    with tempfile.TemporaryDirectory(prefix="huisu-witness-") as folder:
        witness = make(Path(folder) / "w")
        assert witness.add_checkpoint(submission(0, 5).content).status == 200

        answer = witness.add_checkpoint(changed)

        if answer.status == 200:
            line = read_signatures(answer.body.encode())
            found = cosignatures(Note(head(9).body, line), [witness.verifier])
            assert len(found) == 1, "only the head that the log signed may be cosigned"
        assert witness.memory.logs() in ([(ORIGIN, 5)], [(ORIGIN, 9)])


# --- draws


def cosigned(witness: Witness, old: int, new: int) -> bytes:
    asked = submission(old, new)
    lines = read_signatures(witness.add_checkpoint(asked.content).body.encode())
    return read_note(asked.note).with_signatures(lines).content


def test_a_draw_is_signed_once_with_a_head_that_this_witness_saw(witness: Witness) -> None:
    first, second = cosigned(witness, 0, 5), cosigned(witness, 5, 9)

    answer = witness.sign_draw(DrawRequest(LEAVES[1], first).content)

    (line,) = read_signatures(answer.body.encode())
    check_draw(witness.verifier, LEAVES[1], head(5), line)
    assert witness.sign_draw(DrawRequest(LEAVES[1], first).content) == answer
    assert witness.sign_draw(DrawRequest(LEAVES[1], second).content).status == 409
    assert witness.sign_draw(DrawRequest(LEAVES[2], second).content).status == 200
    assert witness.answer_file(DrawRequest(LEAVES[1], first).content) == answer


def test_a_draw_over_a_head_that_it_did_not_see_is_refused(witness: Witness) -> None:
    note = signed_head(5)
    forged = cosign(key(9, NAME, 4), note.text, NOON + timedelta(1))
    own = replace(forged, key_id=witness.verifier.id)

    for one in (note, note.with_signatures([forged]), note.with_signatures([own])):
        assert witness.sign_draw(DrawRequest(LEAVES[1], one.content).content).status == 403


class OneHistory(RuleBasedStateMachine):
    """Whatever a log submits, its cosigned heads are of one history and grow."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="huisu-witness-")
        self.witness = make(Path(self.folder.name) / "w")
        self.trees: dict[str, Callable[[int, int], bytes]] = {"ours": tree, "other": other}
        self.size, self.whose = 0, {"ours", "other"}

    @rule(
        old=st.integers(-1, 40), new=st.integers(0, 40), whose=st.sampled_from(["ours", "other"]), spoil=st.booleans()
    )
    def submit(self, old: int, new: int, whose: str, spoil: bool) -> None:
        old = self.size if old < 0 else old
        asked = submission(old, new, self.trees[whose])
        if spoil and asked.proof:
            asked = replace(asked, proof=asked.proof[:-1])
        status = self.witness.add_checkpoint(asked.content).status

        continues = (
            old == self.size <= new and (self.size == 0 or whose in self.whose) and not (spoil and 0 < old < new)
        )
        assert (status == 200) == continues
        if status == 200:
            self.size = new
            self.whose = {whose} if new else self.whose
        assert self.witness.memory.logs() == [(ORIGIN, self.size)]

    @rule()
    def restart(self) -> None:
        self.witness = make(Path(self.folder.name) / "w")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


@pytest.fixture(autouse=True)
def _expected(expects_errors: list[str]) -> None:
    expects_errors.append("log did not show that it continues")


TestOneHistory = OneHistory.TestCase
TestOneHistory.settings = settings(
    max_examples=200 if os.environ.get("HUISU_SOAK") else 15, stateful_step_count=20, deadline=None
)
