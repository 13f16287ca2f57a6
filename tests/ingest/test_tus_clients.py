"""Clients that others wrote: the protocol is theirs too."""

import hashlib
import io
import random

import httpx
import pytest
from tusclient.client import TusClient

from tests.ingest.tus_door import running
from tests.ingest.tus_line import id_of


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with running(tmp_path_factory.mktemp("door") / "staging") as door:
        yield door


def uploader(door, **options):
    client = TusClient(door.url, headers={"Authorization": "Bearer dock-1"})
    return client.uploader(metadata={"filename": "现场 录像.mp4"}, **options)


def sha256_kept(door, url):
    return hashlib.sha256(door.staging.complete_path(id_of(url)).read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 700_000])
@pytest.mark.parametrize("is_checksummed", [False, True])
def test_tuspy_uploads(door, size, is_checksummed):
    body = random.Random(size).randbytes(size)
    sending = uploader(door, file_stream=io.BytesIO(body), chunk_size=200_000, upload_checksum=is_checksummed)

    sending.upload()

    assert sha256_kept(door, sending.url) == hashlib.sha256(body).hexdigest()
    assert door.staging.manifest(id_of(sending.url)).metadata == {"filename": "现场 录像.mp4"}


def test_tuspy_resumes_at_the_address_it_was_given(door):
    body = random.Random(1).randbytes(900_000)
    first = uploader(door, file_stream=io.BytesIO(body), chunk_size=100_000)
    first.upload(stop_at=400_000)

    second = uploader(door, file_stream=io.BytesIO(body), chunk_size=150_000, url=first.url)
    assert second.offset == 400_000
    second.upload()

    assert sha256_kept(door, first.url) == hashlib.sha256(body).hexdigest()


def test_httpx_may_stream_a_body_of_unknown_length(door):
    dock = {"Authorization": "Bearer dock-1", "Tus-Resumable": "1.0.0"}
    with httpx.Client(headers=dock, trust_env=False) as client:
        made = client.post(door.url, headers={"Upload-Length": "300000"})
        address = httpx.URL(door.url).join(made.headers["location"])
        told = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

        answer = client.patch(address, headers=told, content=(bytes([n]) * 100_000 for n in range(3)))

    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "300000")
