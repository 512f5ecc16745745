"""Generates a video: a moving camera over photographs that are part of the scikit-image package.

The detectors of the local cloud find the person on NASA's portrait of an astronaut; the cup of coffee and the cat do
not alert.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

_WIDTH, _HEIGHT, _FPS = 960, 540, 15
type Scenes = tuple[tuple[str, int], ...]
"""(file of the scikit-image package, seconds)"""

DEMO: Scenes = (("coffee.png", 6), ("astronaut.png", 12), ("chelsea.png", 6))
HALF_A_MINUTE: Scenes = (("coffee.png", 6), ("astronaut.png", 18), ("chelsea.png", 6))


def make_sample_video(path: Path, scenes: Scenes = DEMO) -> None:
    """Writes H.264 in MP4, with a keyframe every two seconds; 24 seconds by default."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 2 * _FPS
        stream.codec_context.time_base = Fraction(1, _FPS)
        for index, image in enumerate(_images(scenes)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _images(scenes: Scenes) -> Iterator[NDArray[np.uint8]]:
    for name, seconds in scenes:
        with Image.open(Path(skimage.__file__).parent / "data" / name) as photograph:
            scene = photograph.convert("RGB")
        for index in range(seconds * _FPS):
            yield np.asarray(_view(scene, index / (seconds * _FPS)))


def _view(scene: Image.Image, progress: float) -> Image.Image:
    """Returns a slow pan and zoom over the upper two thirds, where portraits have the face."""
    ease = progress * progress * (3 - 2 * progress)
    width = scene.width * (0.95 - 0.25 * ease)
    height = width * _HEIGHT / _WIDTH
    left = (scene.width - width) * (0.3 + 0.4 * ease)
    top = max(0.0, (scene.height - height) * 0.12 * (1 - ease))
    return scene.resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
