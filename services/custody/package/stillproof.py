"""Prove that the coded frame behind a still is in a recording: one leaf of its essence. Pure."""

import base64
import hashlib
import struct
from typing import Any, Final

from services.custody.entry import LEAF_PREFIX
from services.custody.essence import essence_root, header_leaf
from services.custody.package.texts import b64
from services.custody.proof import prove_range, root_of_range
from services.custody.sidecar import Sidecar
from services.errors import ProofRefused
from services.media.frames import IndexedTrack

_LEAF: Final = struct.Struct(">2sIQqiBI32s")
"""Source: docs/formats/essence.md, S1."""


def prove_still(track: IndexedTrack, sample: int, digest: bytes, sidecar: Sidecar) -> dict[str, Any]:
    """Give the proof of one coded frame, by its number in decoding order and the digest of its bytes; check it then."""
    header, samples = sidecar.headers[track.index], track.samples
    tree, leaves = sidecar.tree(track.index), header.samples + 1
    return {
        "v": 1,
        "all_tracks": [{"n": one.samples, "root": b64(one.root)} for one in sidecar.headers],
        "still": {
            "track": track.index,
            "sample": sample,
            "dts": int(samples.dts[sample]),
            "cts": int(samples.cts[sample]),
            "sync": int(samples.sync[sample]),
            "size": int(samples.size[sample]),
            "sha256": digest.hex(),
            "ts": header.timescale,
            "handler": header.handler.decode("latin-1"),
            "matrix": b64(header.matrix),
            "config": b64(header.config),
            "head": [b64(one) for one in prove_range(tree, 0, 1, leaves)],
            "range": [b64(one) for one in prove_range(tree, sample + 1, sample + 2, leaves)],
        },
    }


def check_still(told: dict[str, Any], root: bytes) -> None:
    """
    Check such a proof against the root of a recording's essence.

    Raises:
        ProofRefused: it does not show what it claims.
    """
    tracks = [(one["n"], base64.b64decode(one["root"])) for one in told["all_tracks"]]
    if essence_root(tracks) != root:
        raise ProofRefused("the tracks of the proof do not lead to the recording's essence root")
    still = told["still"]
    count, wanted = tracks[still["track"]]
    head, path = ([base64.b64decode(one) for one in still[name]] for name in ("head", "range"))
    config, matrix = base64.b64decode(still["config"]), base64.b64decode(still["matrix"])
    header = header_leaf(still["track"], still["handler"].encode("latin-1"), still["ts"], count, config, matrix)
    values = (still[name] for name in ("track", "sample", "dts", "cts", "sync", "size"))
    leaf = hashlib.sha256(LEAF_PREFIX + _LEAF.pack(b"S1", *values, bytes.fromhex(still["sha256"]))).digest()
    if root_of_range([header], 0, count + 1, head) != wanted:
        raise ProofRefused("the track of the still is described otherwise than in the recording")
    if root_of_range([leaf], still["sample"] + 1, count + 1, path) != wanted:
        raise ProofRefused(f"sample {still['sample']} is not the recording's")
