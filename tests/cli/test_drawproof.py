"""A draw's proof file is told from other files, checked line by line, and answered with the contract's exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.drawproof import is_draw_proof, verify_draw
from tests.oversight.proofs import LOG, make_draw


def written(folder: Path, content: Any) -> Path:
    path = folder / "proof.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode())
    return path


def test_a_proof_that_holds_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, make_draw(1).proof)

    assert is_draw_proof(path)
    assert verify_draw(path, [LOG.verifier]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"trusted: {LOG.verifier.vkey}"
    assert said[-2].startswith("PASS draw: the same 20 tickets")
    assert said[-1] == "result: the draw was repeated, from a head that the log signed"


def test_without_the_logs_key_it_says_plainly_that_no_signature_was_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever makes up a log makes up a head of it too, and all else follows from that."""
    path = written(tmp_path, make_draw(1).proof)
    status = verify_draw(path)
    *_, last = capsys.readouterr().out.splitlines()
    verify_draw(path, as_json=True)
    told = json.loads(capsys.readouterr().out)

    assert status == 0
    assert "the signature of its head was NOT CHECKED" in last
    assert last == f"result: {told['result']}"
    assert any("may have made up the log" in words for words in told["not_proven"])


def test_a_changed_proof_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, make_draw(1).changed("inputs", 0, "value", to="00" * 32))

    assert verify_draw(path) == 1
    assert "FAIL inputs: this is not the nonce that 监督员 committed to" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}", b"[1]", b"\xff{", b'{"format": "huisu/draw-proof/v9"}'])
def test_what_is_no_proof_ends_with_two(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, content)

    assert not is_draw_proof(path)
    assert verify_draw(path) == 2
    assert "is no proof of a draw" in capsys.readouterr().err
    assert verify_draw(tmp_path / "none") == 2
    assert not is_draw_proof(tmp_path)
