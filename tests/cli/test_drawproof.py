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
    assert said[-1].startswith("PASS draw: the same 20 tickets")


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
