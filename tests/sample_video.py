"""The demo's video for tests: encoding it takes seconds, so the processes of a run share one."""

import fcntl
from functools import cache
from pathlib import Path

from kinesight_cli.shared import sample_video

ROOT = Path(__file__).resolve().parents[1]
_CACHED = ROOT / ".kinesight" / "tests" / "demo.mp4"


def write_sample_video(path: Path) -> None:
    """Writes the demo's video to `path`."""
    path.write_bytes(_sample_video())


@cache
def _sample_video() -> bytes:
    _CACHED.parent.mkdir(parents=True, exist_ok=True)
    with _CACHED.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _CACHED.exists() or _CACHED.stat().st_mtime < Path(sample_video.__file__).stat().st_mtime:
            partial = _CACHED.with_suffix(".part.mp4")
            sample_video.make_sample_video(partial)
            partial.replace(_CACHED)
        return _CACHED.read_bytes()
