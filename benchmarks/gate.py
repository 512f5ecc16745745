"""The frame gate: how few frames it sends, and whether every visitor is still found.

    python -m benchmarks.gate [--tune] [--minutes 20] [--interval SECONDS] [--images FOLDER]

Four scenes, sampled once and twice a second as KVS would, or at an interval, over two random schedules each. A visitor
is found if a frame is sent that shows at least half of the figure; without the gate, every frame is sent. The defaults
were chosen with --tune, which makes other videos than those that are reported.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from kinesight.adapters.media.pillow_luma import PillowLuma
from kinesight.domain.gate.decision import DEFAULT_THRESHOLDS, GateMethod, GateMode, GateSettings, GateState, decide

from benchmarks.gate_scenes import SCENES, Scene, Walk, images, schedule

_TUNING_SEEDS, _REPORTED_SEEDS = (100, 200), (1000, 2000)
_THRESHOLDS = {
    GateMethod.LUMA: (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
    GateMethod.PERCEPTUAL_HASH: (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
}


@dataclass(frozen=True, slots=True)
class Video:
    """A sampled video as the gate receives it, and the people who walk through it."""

    scene: str
    interval_s: float
    walks: tuple[Walk, ...]
    frames: tuple[tuple[float, bytes], ...]
    reading_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate made of videos."""

    frames: int
    sent: int
    walks: int
    found: int
    deciding_ms: float

    @property
    def share_percent(self) -> float:
        return 100 * self.sent / self.frames

    @property
    def found_percent(self) -> float:
        return 100 * self.found / self.walks


def make_video(job: tuple[Scene, int, float, int, Path | None]) -> Video:
    """Through JPEG and the gate's own reader."""
    scene, seed, interval_s, minutes, folder = job
    walks = schedule(scene, minutes * 60, np.random.default_rng(seed))
    times_s = [index * interval_s for index in range(int(minutes * 60 / interval_s))]
    reader, frames, spent_s = PillowLuma(), [], 0.0
    for image in images(scene, walks, times_s, seed):
        began = time.thread_time()
        frames.append((image.at_s, reader.luma(image.jpeg)))
        spent_s += time.thread_time() - began
        if folder is not None and any(walk.is_in_view(image.at_s) for walk in walks):
            (folder / f"{scene.name}_{seed}_{image.at_s:06.1f}.jpg").write_bytes(image.jpeg)
    return Video(scene.name, interval_s, tuple(walks), tuple(frames), 1000 * spent_s / len(frames))


def run(video: Video, settings: GateSettings) -> Outcome:
    """The gate over one video, from its first frame on."""
    state: GateState | None = None
    sent: list[float] = []
    began = time.thread_time()
    for at_s, luma in video.frames:
        decision = decide(settings, state, luma, round(1000 * at_s))
        state = decision.state
        if decision.sends:
            sent.append(at_s)
    spent_s = time.thread_time() - began
    visible = [one for one in video.walks if any(one.is_in_view(at_s) for at_s, _ in video.frames)]
    found = sum(any(walk.is_in_view(at_s) for at_s in sent) for walk in visible)
    return Outcome(len(video.frames), len(sent), len(visible), found, 1000 * spent_s / len(video.frames))


def together(outcomes: Sequence[Outcome]) -> Outcome:
    frames, sent = sum(one.frames for one in outcomes), sum(one.sent for one in outcomes)
    walks, found = sum(one.walks for one in outcomes), sum(one.found for one in outcomes)
    deciding_ms = sum(one.deciding_ms * one.frames for one in outcomes) / frames
    return Outcome(frames, sent, walks, found, deciding_ms)


def print_defaults(videos: Sequence[Video]) -> None:
    print(f"\n{'video':<8} {'every':>5} {'frames':>7} {'sent':>6} {'share':>7} {'walks':>7} {'found':>6}  in view")
    for scene, interval_s in _kinds(videos):
        of_kind = [one for one in videos if (one.scene, one.interval_s) == (scene, interval_s)]
        outcome = together([run(one, GateSettings(mode=GateMode.ON)) for one in of_kind])
        seen = sum(any(walk.is_in_view(at_s) for walk in one.walks) for one in of_kind for at_s, _ in one.frames)
        print(
            f"{scene:<8} {interval_s:>3g} s {outcome.frames:>7} {outcome.sent:>6} {outcome.share_percent:>5.1f} %"
            f" {outcome.walks:>7} {outcome.found:>6}  {100 * seen / outcome.frames:.1f} %"
        )


def print_table(videos: Sequence[Video], method: GateMethod) -> None:
    """Prints the shares of frames sent and of walks found, by scene."""
    scenes = list(dict.fromkeys(one.scene for one in videos))
    print(f"\n{method}: percent of frames sent / percent of walks found (default {DEFAULT_THRESHOLDS[method]:g} %)")
    print("threshold  " + "".join(f"{scene:>15}" for scene in [*scenes, "all"]))
    for threshold in _THRESHOLDS[method]:
        settings = GateSettings(mode=GateMode.ON, method=method, threshold=threshold)
        by_scene = [[run(one, settings) for one in videos if one.scene == scene] for scene in scenes]
        sums = [together(one) for one in by_scene]
        sums.append(together(sums))
        print(
            f"{threshold:>7g} %  " + "".join(f"{one.share_percent:>7.1f} / {one.found_percent:>5.1f}" for one in sums)
        )


def print_cost(videos: Sequence[Video]) -> None:
    reading = sum(one.reading_ms for one in videos) / len(videos)
    print(f"\nprocessor time a frame: {reading:.2f} ms to read the image", end="")
    for method in GateMethod:
        outcome = together([run(one, GateSettings(mode=GateMode.ON, method=method)) for one in videos[:2]])
        print(f", {outcome.deciding_ms:.2f} ms to decide by {method}", end="")
    print()


def _kinds(videos: Sequence[Video]) -> Iterator[tuple[str, float]]:
    yield from dict.fromkeys((one.scene, one.interval_s) for one in videos)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tune", action="store_true", help="the videos that the defaults were chosen with")
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--interval", type=float, help="seconds from an image to the next; default: 1 and 0.5")
    parser.add_argument("--images", type=Path, help="keep the images with visitors in this folder")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = _TUNING_SEEDS if options.tune else _REPORTED_SEEDS
    intervals_s = (1.0, 0.5) if options.interval is None else (options.interval, options.interval)
    jobs = [
        (scene, seed, interval_s, options.minutes, options.images)
        for scene, (seed, interval_s) in product(SCENES, zip(seeds, intervals_s, strict=True))
    ]
    with ProcessPoolExecutor(options.processes) as pool:
        videos = list(pool.map(make_video, jobs))
    print_defaults(videos)
    for method in GateMethod:
        print_table(videos, method)
    print_cost(videos)


if __name__ == "__main__":
    main()
