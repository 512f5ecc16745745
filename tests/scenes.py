"""A video of scenes that the local cloud's detectors distinguish: nothing, a person on either side, a cat."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 640, 360, 10
SCENE_S = 4
KEYFRAME_S = 2
SCENES = ("nothing", "person on the left", "person on the right", "cat")


def scene(name: str) -> Image:
    image = np.full((HEIGHT, WIDTH, 3), 185, np.uint8)
    if name.startswith("person"):
        draw_person(image, 122 if name.endswith("left") else 515)
    if name == "cat":
        draw_cat(image)
    return image


def draw_person(image: Image, middle: int) -> None:
    """A silhouette that stands in the lower half; what a detector of walking people goes by is the outline."""
    high, top = 200, 145
    outline = [(-0.13, 0.2), (-0.05, 0.155), (0.05, 0.155), (0.13, 0.2), (0.15, 0.5), (0.1, 0.5), (0.11, 1)]
    outline += [(0.03, 1), (0, 0.6), (-0.03, 1), (-0.11, 1), (-0.1, 0.5), (-0.15, 0.5)]
    corners = np.array([(middle + x * high, top + y * high) for x, y in outline], np.int32)
    dark = (60, 50, 40)
    cv2.fillPoly(image, [corners], dark, cv2.LINE_AA)
    head = (middle, int(top + 0.08 * high))
    cv2.ellipse(image, head, (int(0.055 * high), int(0.08 * high)), 0, 0, 360, dark, -1, cv2.LINE_AA)
    cv2.GaussianBlur(image, (5, 5), 0, dst=image)


def draw_cat(image: Image) -> None:
    """A face that faces the camera: ears, eyes, nose, mouth. Lengths are in pixels, as its shape is."""
    x, y = 320, 210
    fur, dark = (150, 150, 150), (60, 60, 60)
    for side in (-1, 1):
        for corners, colour in (
            (((63, -24), (57, -87), (14, -56)), fur),
            (((55, -38), (52, -75), (27, -52)), (100, 100, 100)),
        ):
            ear = np.array([[x + side * across, y + down] for across, down in corners], np.int32)
            cv2.fillPoly(image, [ear], colour, cv2.LINE_AA)
    cv2.ellipse(image, (x, y), (70, 56), 0, 0, 360, fur, -1, cv2.LINE_AA)
    for side in (-1, 1):
        center = (x + 29 * side, y - 3)
        cv2.ellipse(image, center, (14, 9), 0, 0, 360, (100, 100, 100), -1, cv2.LINE_AA)
        cv2.ellipse(image, center, (6, 9), 0, 0, 360, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.ellipse(image, (x + 10 * side, y + 35), (9, 8), 0, 0, 180, dark, 3, cv2.LINE_AA)
    nose = np.array([[x - 8, y + 22], [x + 8, y + 22], [x, y + 31]], np.int32)
    cv2.fillPoly(image, [nose], dark, cv2.LINE_AA)
    cv2.ellipse(image, (x, y + 35), (24, 19), 0, 0, 360, (190, 190, 190), 2, cv2.LINE_AA)
    cv2.GaussianBlur(image, (5, 5), 0, dst=image)


def make_scene_video(path: Path) -> None:
    """Every scene for some seconds, each beginning with a keyframe."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "bf": "0", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = KEYFRAME_S * FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        for index in range(len(SCENES) * SCENE_S * FPS):
            frame = av.VideoFrame.from_ndarray(scene(SCENES[index // (SCENE_S * FPS)]), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
