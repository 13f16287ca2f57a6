"""Draw the outline of a recording's sound: the lowest and highest sample of each 20 ms."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.errors import Invalid

PCM_RATE = 8000
"""Samples a second of the sound that peaks are drawn from: speech needs no more."""
PEAKS_PER_SECOND = 50
BLOCK_PEAKS = 4096
"""Peaks worked on at once: 650,000 samples a channel."""


def write_peaks(pcm: Path, channels: int, target: Path) -> None:
    """
    Write the peaks of 16-bit 8 kHz sound as JSON, in bounded memory.

    The form is version 2 of audiowaveform: `data` holds min and max of each channel in turn, -128 to 127;
    one hour of one channel is 1.4 MB at most. A last stretch shorter than 20 ms counts as one.

    Raises:
        Invalid: the number of channels is not 1 to 8.

    Source: https://github.com/bbc/audiowaveform, doc/DataFormat.md.
    """
    if not 1 <= channels <= 8:
        raise Invalid(f"sound has 1 to 8 channels, not {channels}")
    step = PCM_RATE // PEAKS_PER_SECOND
    samples = pcm.stat().st_size // (2 * channels)
    head = {
        "version": 2,
        "channels": channels,
        "sample_rate": PCM_RATE,
        "samples_per_pixel": step,
        "bits": 8,
        "length": -(-samples // step),
    }
    with pcm.open("rb") as source, target.open("w", encoding="ascii") as out:
        out.write(json.dumps(head, separators=(",", ":"))[:-1] + ',"data":[')
        first = True
        while block := source.read(BLOCK_PEAKS * step * channels * 2):
            sound = np.frombuffer(block, "<i2", len(block) // (2 * channels) * channels).reshape(-1, channels)
            if len(sound):
                out.write(("" if first else ",") + ",".join(map(str, _peaks(sound, step).tolist())))
                first = False
        out.write("]}")


def _peaks(sound: npt.NDArray[np.int16], step: int) -> npt.NDArray[np.int16]:
    """Give min and max of each `step` rows, channel by channel, scaled to 8 bits."""
    starts = np.arange(0, len(sound), step)
    low, high = np.minimum.reduceat(sound, starts), np.maximum.reduceat(sound, starts)
    pairs: npt.NDArray[np.int16] = np.stack([low, high], axis=2) >> 8
    return pairs.reshape(-1)
