"""The outline of the sound holds the lowest and highest sample of each 20 ms, exactly."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.media import sound
from services.media.sound import write_peaks


def peaks_of(folder: Path, samples: np.ndarray, channels: int) -> dict[str, Any]:
    pcm, target = folder / "sound.au", folder / "peaks.json"
    pcm.write_bytes(struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 3, 8000, channels) + samples.astype(">i2").tobytes())
    write_peaks(pcm, target)
    read: dict[str, Any] = json.loads(target.read_text())
    return read


def test_each_peak_is_min_and_max_of_160_samples(tmp_path: Path) -> None:
    samples = np.zeros(400, np.int16)
    samples[10], samples[20], samples[399] = 32767, -32768, 12800

    peaks = peaks_of(tmp_path, samples, 1)

    assert peaks == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8000,
        "samples_per_pixel": 160,
        "bits": 8,
        "length": 3,
        "data": [-128, 127, 0, 0, 0, 50],
    }


def test_channels_take_turns(tmp_path: Path) -> None:
    left, right = np.full(160, 2560), np.full(160, -2560)

    peaks = peaks_of(tmp_path, np.stack([left, right], axis=1), 2)

    assert peaks["data"] == [10, 10, -10, -10]


def test_silence_without_a_sample_is_a_valid_outline(tmp_path: Path) -> None:
    peaks = peaks_of(tmp_path, np.zeros(0), 1)

    assert (peaks["length"], peaks["data"]) == (0, [])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_working_in_blocks_changes_nothing(tmp_path: Path, rows: int, channels: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, (rows, channels))
    whole = peaks_of(tmp_path, samples, channels)
    kept, sound.BLOCK_PEAKS = sound.BLOCK_PEAKS, 3
    try:
        in_blocks = peaks_of(tmp_path, samples, channels)
    finally:
        sound.BLOCK_PEAKS = kept

    assert in_blocks == whole
    assert len(whole["data"]) == whole["length"] * channels * 2


def test_absurd_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not 33"):
        peaks_of(tmp_path, np.zeros(160), 33)
