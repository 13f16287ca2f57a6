"""
Measure hits and false alarms of the detectors: `python -m tests.media.quality_table CORPUS` prints the tables of
docs/quality.md. Every file of the corpus as it is, at several qualities, and with each fault of `faults` planted.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from services.media.facts import Flag
from services.media.probe import examine
from services.media.transcode import render
from tests.media.faults import FAULTS, NIGHT, SOUND_FAULTS, STRETCH, Fault, Scene, is_hit, outside, plant

QUALITIES = (20, 28, 36)
JUDGED = {"black", "covered", "frozen", "out-of-focus", "silence", "dead-channel", "identical-channels", "gap"}


def scenes(corpus: Path) -> tuple[Scene, ...]:
    """Give the scenes that faults are planted into: they last long enough, and nothing is wrong with them."""
    return (
        Scene(corpus / "cam_gopro_max_gps_walk_10s.mp4", 480, "30000/1001"),
        Scene(corpus / "odd_fragmented_rooftop_60fps.mp4", 240, "60"),
        Scene(corpus / "scene_car_park_30s_aac.mp4", 432, "25/2"),
        Scene(corpus / "scene_bottles_40s_29.83fps.mp4", 360, "179/6"),
        Scene(corpus / "scene_hello_talk_8s_h264.mp4", 720, "30"),
    )


def flags_of(path: Path) -> tuple[Flag, ...] | None:
    """Examine and render a file as the archive does; None where nothing of it plays."""
    known = examine(path)
    if not known.facts.playable:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = render(path, known.facts, Path(folder), on_progress=lambda _: None, frame_times=known.frame_times)
    return tuple(flag for flag in (*known.facts.flags, *made.findings) if flag.kind in JUDGED)


def as_it_is(corpus: Path) -> Iterator[str]:
    """Tell what is raised on every file of the corpus."""
    yield "| file | flags |\n|---|---|"
    for path in sorted(corpus.iterdir()):
        if path.suffix != ".tsv":
            flags = flags_of(path)
            yield f"| `{path.name}` | {'does not play' if flags is None else _told(flags) or '—'} |"


def false_alarms(corpus: Path, folder: Path) -> Iterator[str]:
    """Tell what is raised on scenes that are only encoded anew, by day and as at night."""
    yield f"| scene | {' | '.join(f'{light}, crf {crf}' for light in ('day', 'night') for crf in QUALITIES)} |"
    yield "|---|" + "---|" * 2 * len(QUALITIES)
    for scene in scenes(corpus):
        cells = []
        for also in ("null", NIGHT):
            for crf in QUALITIES:
                made = plant(scene, None, folder / "a.mp4", crf=crf, also=also)
                cells.append(_told(flags_of(made) or ()) or "—")
        yield f"| `{scene.path.stem}` | {' | '.join(cells)} |"


def hits(corpus: Path, folder: Path, faults: Sequence[Fault], chosen: Sequence[Scene]) -> Iterator[str]:
    """Tell in how many scenes each planted fault is found, at each quality, and what else is raised."""
    yield f"| planted | flag | {' | '.join(f'crf {crf}' for crf in QUALITIES)} | key frame each second, crf 23 | else |"
    yield "|---|---|" + "---|" * (len(QUALITIES) + 2)
    clean = {scene: {flag.kind for flag in flags_of(plant(scene, None, folder / "c.mp4")) or ()} for scene in chosen}
    for fault in faults:
        cells: list[str] = []
        wrong: dict[str, int] = defaultdict(int)
        missed: set[str] = set()
        for crf, gop in [*((crf, 250) for crf in QUALITIES), (23, 30)]:
            hit = 0
            for scene in chosen:
                flags = flags_of(plant(scene, fault, folder / "b.mp4", crf=crf, gop=gop)) or ()
                hit += (is_found := is_hit(flags, fault.kind, STRETCH))
                if not is_found:
                    missed.add(scene.path.stem.split("_")[1])
                for flag in outside(flags, STRETCH):
                    if flag.kind != fault.kind and flag.kind not in clean[scene]:
                        wrong[flag.kind] += 1
            cells.append(f"{hit} of {len(chosen)}")
        told = [f"{count} × {kind}" for kind, count in sorted(wrong.items())]
        told += [f"missed in: {', '.join(sorted(missed))}"] if missed else []
        yield f"| {fault.name} | `{fault.kind}` | {' | '.join(cells)} | {'; '.join(told) or '—'} |"


def _told(flags: Sequence[Flag]) -> str:
    words = []
    for flag in flags:
        where = "" if flag.start is None or flag.end is None else f" {float(flag.start):.1f}–{float(flag.end):.1f} s"
        words.append(f"`{flag.kind}`{where}{f' ({flag.channel})' if flag.channel else ''}")
    return ", ".join(words)


def main() -> None:
    """Print all tables."""
    corpus = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for title, lines in (
            ("The corpus as it is", as_it_is(corpus)),
            ("Scenes encoded anew, nothing planted", false_alarms(corpus, folder)),
            ("Planted faults of the picture", hits(corpus, folder, FAULTS, scenes(corpus))),
            ("Planted faults of the sound", hits(corpus, folder, SOUND_FAULTS, scenes(corpus)[:1])),
        ):
            print(f"\n### {title}\n")
            for line in lines:
                print(line, flush=True)


if __name__ == "__main__":
    main()
