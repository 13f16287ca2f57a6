"""A package's zip file has one form, which every unpacker reads; its length is known before a byte is written."""

import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from services.custody.package.zipform import central_header, end, length_of, local_header, write_zip
from services.custody.verifier.verify import Package
from services.errors import IntegrityError
from tests.custody.packages import Held, Listed

FILES = {
    "contents.txt": b"list\n",
    "items/001.mp4": bytes(range(256)) * 500,
    "items/002.mp4": b"",
    "package.json": b"{}\n",
}


def held(name: str, content: bytes) -> Held:
    return Held(Listed(name, len(content), zlib.crc32(content)), content)


def written(path: Path, files: dict[str, bytes]) -> int:
    with path.open("wb") as out:
        return write_zip(out, [held(name, content) for name, content in files.items()])


def test_pythons_zipfile_reads_it(tmp_path: Path) -> None:
    length = written(tmp_path / "p.zip", FILES)

    with zipfile.ZipFile(tmp_path / "p.zip") as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == FILES
    assert length == (tmp_path / "p.zip").stat().st_size
    assert length == length_of(held(name, content).listed for name, content in FILES.items())


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_reads_it(tmp_path: Path) -> None:
    written(tmp_path / "p.zip", FILES)

    done = subprocess.run(["unzip", "-q", "p.zip", "-d", "out"], cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


def test_the_verifier_reads_it_and_no_other_zip_file(tmp_path: Path) -> None:
    written(tmp_path / "p.zip", FILES)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        for name, content in FILES.items():
            other.writestr(name, content)

    package = Package(str(tmp_path / "p.zip"))

    assert package.bad_at is None
    assert {name: b"".join(package.blocks(name)) for name in package.places} == FILES
    assert Package(str(tmp_path / "other.zip")).bad_at == 0


def test_a_file_that_is_not_what_was_said_ends_it(tmp_path: Path) -> None:
    lying = Held(Listed("items/001.mp4", 5, zlib.crc32(b"other")), b"bytes")

    with (tmp_path / "p.zip").open("wb") as out, pytest.raises(IntegrityError, match=r"items/001\.mp4 has 5 bytes"):
        write_zip(out, [lying])


def test_files_beyond_four_gigabytes_have_their_places(tmp_path: Path) -> None:
    """The footage is a hole in the file: only headers are written and read."""
    large, path = (1 << 32) + 4096, tmp_path / "large.zip"
    small = held("items/002.mp4", b"behind")
    first, big = held("contents.txt", b"list\n"), Listed("items/001.mp4", large, 0)
    with path.open("wb") as out:
        out.write(local_header(b"contents.txt", first.listed.crc32, 5) + b"list\n")
        out.write(local_header(b"items/001.mp4", 0, large))
        out.seek(large, 1)
        out.write(local_header(b"items/002.mp4", small.listed.crc32, 6) + b"behind")
        at = out.tell()
        offsets = (0, 50 + 12 + 5, 50 + 12 + 5 + 50 + 13 + large)
        listed = (first.listed, big, small.listed)
        central = [
            central_header(one.path.encode(), one.crc32, one.size_bytes, place)
            for one, place in zip(listed, offsets, strict=True)
        ]
        out.write(end(central, at))

    package = Package(str(path))
    with zipfile.ZipFile(path) as opened:
        behind, sizes = opened.read("items/002.mp4"), [one.file_size for one in opened.infolist()]

    assert package.bad_at is None
    assert package.read("items/002.mp4", 0, 6) == behind == b"behind"
    assert sizes == [5, large, 6]
    assert path.stat().st_size == length_of(listed)
