"""Draw the outline of a recording's sound: the lowest and highest sample of each 20 ms."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.media.pcm import open_pcm

PCM_RATE = 8000
"""Samples a second of the sound that peaks are drawn from: speech needs no more."""
PEAKS_PER_SECOND = 50
BLOCK_PEAKS = 4096
"""Peaks worked on at once: 650,000 samples a channel."""


def write_peaks(pcm: Path, target: Path) -> None:
    """
    Write the peaks of 16-bit 8 kHz sound as JSON, in bounded memory.

    The form is version 2 of audiowaveform: `data` holds min and max of each channel in turn, -128 to 127;
    one hour of one channel is 1.4 MB at most. A last stretch shorter than 20 ms counts as one.

    Raises:
        Invalid: these are no samples of a recorder.

    Source: https://github.com/bbc/audiowaveform, doc/DataFormat.md.
    """
    step = PCM_RATE // PEAKS_PER_SECOND
    with open_pcm(pcm) as sound, target.open("w", encoding="ascii") as out:
        head = {
            "version": 2,
            "channels": sound.channels,
            "sample_rate": PCM_RATE,
            "samples_per_pixel": step,
            "bits": 8,
            "length": -(-sound.samples // step),
        }
        out.write(json.dumps(head, separators=(",", ":"))[:-1] + ',"data":[')
        first = True
        for block in sound.blocks(BLOCK_PEAKS * step):
            out.write(("" if first else ",") + ",".join(map(str, _peaks(block, step).tolist())))
            first = False
        out.write("]}")


def _peaks(sound: npt.NDArray[np.int16], step: int) -> npt.NDArray[np.int16]:
    """Give min and max of each `step` rows, channel by channel, scaled to 8 bits."""
    starts = np.arange(0, len(sound), step)
    low, high = np.minimum.reduceat(sound, starts), np.maximum.reduceat(sound, starts)
    pairs: npt.NDArray[np.int16] = np.stack([low, high], axis=2) >> 8
    return pairs.reshape(-1)
