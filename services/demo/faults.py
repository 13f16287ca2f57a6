"""
Name what is wrong in the demonstration on purpose, and what the archive must make of it.

`huisu demo --check` compares the catalogue with this table; `plan` says which file plants which fault.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault: its name, what was done (in both languages of the pages) and the known answer."""

    key: str
    zh: str
    en: str
    expected: str


PLANTED: Final = (
    Fault(
        "interview-gap",
        "讯问录像中断 3 分 12 秒",
        "an interview stopped for 3 min 12 s between two files",
        "one gap of 192 s in each channel of the case's timeline",
    ),
    Fault(
        "camera-clock",
        "记录仪时钟快 7 分钟",
        "a camera's clock is 7 minutes ahead",
        "flag clock-differs, +420 s; the start that the dock gave counts",
    ),
    Fault(
        "late-upload",
        "拍摄 31 小时后才上传",
        "uploaded 31 h after it ended",
        "received at least 31 h after its end",
    ),
    Fault(
        "no-recording",
        "警情没有录像",
        "an incident that nobody filmed",
        "the only incident without a linked or proposed recording",
    ),
    Fault(
        "two-docks",
        "同一文件从两台采集站上传",
        "the same file came from two docks",
        "one recording with two arrivals",
    ),
    Fault(
        "no-index",
        "断电导致 MP4 缺少索引",
        "an MP4 that lost its index to a power cut",
        "kept, damaged, flag no-index",
    ),
    Fault(
        "truncated",
        "文件被截断",
        "an MP4 that ends too early",
        "kept, damaged, flag truncated",
    ),
    Fault(
        "hevc-g711",
        "H.265 + G.711 原始文件",
        "an H.265 + G.711 original",
        "ready, not playable in browsers as it is, with a proxy",
    ),
    Fault(
        "uneven-rate",
        "可变帧率",
        "a variable frame rate",
        "ready, its picture marked as variable",
    ),
    Fault(
        "two-officers",
        "两名民警拍摄同一现场",
        "two officers filmed one scene",
        "both linked to the incident, 6 s at the same time",
    ),
    Fault(
        "two-incidents",
        "一段录像符合两起警情",
        "a recording that fits two incidents",
        "no link, two open proposals for a person",
    ),
    Fault(
        "unknown-device",
        "未登记的记录仪",
        "a camera that nobody registered",
        "taken in, flag unknown-device",
    ),
    Fault(
        "wrong-digest",
        "申报的 SHA-256 不符",
        "another SHA-256 was declared than came",
        "quarantined and without links; the camera's copy is not released",
    ),
    Fault(
        "text-file",
        "改名为 .mp4 的文本文件",
        "a text file named .mp4",
        "kept, damaged, flag not-media",
    ),
    Fault(
        "chinese-name",
        "中文文件名",
        "a Chinese file name",
        "kept under its name",
    ),
    Fault(
        "rtl-name",
        "从右到左的文件名",
        "a file name written from right to left",
        "kept under its name",
    ),
    Fault(
        "given-case",
        "上传时指定案件编号",
        "the case's number came with the upload",
        "linked to the case, origin explicit",
    ),
)

LATER: Final = (
    "covered lens for 45 s",
    "muted for 90 s",
    "transcript ends 4 min after the last frame",
    "one byte flipped in the store (fixity)",
    "recording under hold past its six months",
    "spot-check draw with a fixed seed",
)
"""What is planted once the archive can find it; nothing here is checked yet."""
