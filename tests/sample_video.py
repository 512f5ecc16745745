"""The demo's video for tests: encoding it takes seconds, so a process does it once."""

import tempfile
from functools import cache
from pathlib import Path

from kinesight_cli.demo.sample_video import make_demo_video


def write_sample_video(path: Path) -> None:
    """Writes the demo's video to `path`."""
    path.write_bytes(_sample_video())


@cache
def _sample_video() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.mp4"
        make_demo_video(path)
        return path.read_bytes()
