"""Videos for the frame gate's benchmark: scenes that stand still, in which people come and go on known schedules.

A scene is a background with its own trouble (light, noise, sway); a visitor is a figure with a photographed face and
clothes cut from photographs, who walks through with moving arms and legs. Every image goes through a JPEG of
quality 80, as KVS makes them.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 960, 540
_JPEG_QUALITY = 80
_PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
_FIGURE_WIDTH, _FIGURE_HEIGHT = 200, 400
_PHASES = 8
_CLOTHES = ("astronaut.png", "coffee.png", "chelsea.png", "brick.png", "rocket.jpg", "motorcycle_right.png")

Pixels = np.ndarray
Trouble = Callable[[Pixels, float, np.random.Generator], Pixels]


@dataclass(frozen=True, slots=True)
class Walk:
    """One person who walks through the scene: times in seconds, places as ratios of the width, heights in pixels;
    `shade` darkens the clothes (1: as photographed)."""

    start_s: float
    end_s: float
    from_x: float
    to_x: float
    height: int
    feet_y: int
    shade: float
    clothes: int

    def left_px(self, at_s: float) -> float:
        """Left edge of the figure, which stands still for the middle third of a walk of more than ten seconds."""
        share = (at_s - self.start_s) / (self.end_s - self.start_s)
        if self.end_s - self.start_s > 10:
            share = 0.5 * min(share * 3, 1) + 0.5 * max(share * 3 - 2, 0)
        return (self.from_x + share * (self.to_x - self.from_x)) * WIDTH - self.width / 2

    @property
    def width(self) -> int:
        return self.height * _FIGURE_WIDTH // _FIGURE_HEIGHT

    def is_in_view(self, at_s: float) -> bool:
        """With at least half of the figure."""
        left = self.left_px(at_s)
        inside = min(left + self.width, WIDTH) - max(left, 0)
        return self.start_s <= at_s < self.end_s and inside >= self.width / 2


@dataclass(frozen=True, slots=True)
class Scene:
    """A background, its trouble, and how tall visitors are and where they walk, in pixels."""

    name: str
    background: Callable[[np.random.Generator], Pixels]
    trouble: Trouble
    heights: tuple[int, int]
    feet: tuple[int, int]
    shades: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SceneImage:
    """A sampled frame: when, and the JPEG."""

    at_s: float
    jpeg: bytes


def schedule(scene: Scene, seconds: int, rng: np.random.Generator) -> list[Walk]:
    """One walk in each two minutes or so: short ones and long ones, near and far."""
    walks = []
    for start in range(20, seconds - 40, 120):
        begins = start + rng.uniform(0, 70)
        lasts = rng.choice([4.0, 6.0, 9.0, 14.0, 22.0])
        height = int(rng.uniform(*scene.heights))
        nearness = (height - scene.heights[0]) / max(1, scene.heights[1] - scene.heights[0])
        ways = [(-0.1, 1.1), (1.1, -0.1), (0.3, 0.6), (0.75, 0.45)]
        from_x, to_x = ways[rng.integers(len(ways))]
        feet = int(scene.feet[0] + nearness * (scene.feet[1] - scene.feet[0]))
        shade = rng.uniform(*scene.shades)
        walks.append(Walk(begins, begins + lasts, from_x, to_x, height, feet, shade, int(rng.integers(6))))
    return walks


def images(scene: Scene, walks: list[Walk], times_s: list[float], seed: int) -> Iterator[SceneImage]:
    """The scene at those moments."""
    rng = np.random.default_rng(seed)
    background = scene.background(np.random.default_rng(seed + 1))
    for at_s in times_s:
        canvas = scene.trouble(background, at_s, rng)
        light = float(canvas.mean() / max(1.0, background.mean()))
        image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
        for walk in walks:
            if walk.start_s <= at_s < walk.end_s:
                _draw(image, walk, at_s, light)
        noisy = np.asarray(image, dtype=np.float32)
        noisy = noisy + rng.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32) * _NOISE_LEVELS[scene.name]
        yield SceneImage(at_s, _jpeg(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))))


def _jpeg(image: Image.Image) -> bytes:
    target = BytesIO()
    image.save(target, "JPEG", quality=_JPEG_QUALITY)
    return target.getvalue()


# -- people ------------------------------------------------------------------------------------------------------------


def _draw(image: Image.Image, walk: Walk, at_s: float, light: float) -> None:
    figure = _figure(walk.clothes, int(at_s * 5.3) % _PHASES)
    figure = figure.resize((walk.width, walk.height), Image.Resampling.LANCZOS)
    *colours, mask = figure.split()
    lit = Image.merge("RGB", [one.point(lambda v: min(255, v * walk.shade * light)) for one in colours])
    image.paste(lit, (round(walk.left_px(at_s)), walk.feet_y - walk.height), mask)


@cache
def _photograph(name: str) -> Image.Image:
    with Image.open(_PHOTOGRAPHS / name) as photograph:
        return photograph.convert("RGB")


@cache
def _figure(clothes: int, phase: int) -> Image.Image:
    """Head, arms, body and legs in the given phase of a step."""
    swing = math.sin(2 * math.pi * phase / _PHASES)
    shirt = _cut(_CLOTHES[clothes], 60)
    trousers = _cut(_CLOTHES[(clothes + 2) % len(_CLOTHES)], 200).point(lambda value: value * 0.55)
    figure = Image.new("RGBA", (_FIGURE_WIDTH, _FIGURE_HEIGHT))
    for side in (-1, 1):
        foot = 100 + side * swing * 55
        _limb(figure, trousers, [(100 + side * 12, 200), ((100 + foot) / 2 + 8, 295), (foot, 392)], 34)
        _limb(figure, shirt, [(100 + side * 30, 85), (100 + side * 38, 140), (100 - side * swing * 45, 205)], 22)
    _part(figure, shirt, lambda pen: pen.rounded_rectangle((64, 70, 136, 215), 24, fill=255))
    face = _photograph("astronaut.png").crop((165, 50, 285, 205)).resize((60, 72))
    head = Image.new("RGB", figure.size)
    head.paste(face, (70, 2))
    _part(figure, head, lambda pen: pen.ellipse((72, 2, 128, 72), fill=255))
    return figure


def _cut(name: str, top: int) -> Image.Image:
    photograph = _photograph(name)
    return photograph.crop((100, top, 300, top + 200)).resize((_FIGURE_WIDTH, _FIGURE_HEIGHT))


def _limb(figure: Image.Image, cloth: Image.Image, points: list[tuple[float, float]], width: int) -> None:
    _part(figure, cloth, lambda pen: pen.line(points, fill=255, width=width, joint="curve"))


def _part(figure: Image.Image, cloth: Image.Image, shape: Callable[[ImageDraw.ImageDraw], object]) -> None:
    mask = Image.new("L", figure.size)
    shape(ImageDraw.Draw(mask))
    figure.paste(cloth, (0, 0), mask)


# -- places ------------------------------------------------------------------------------------------------------------


def _fitted(name: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Pixels:
    return np.asarray(_photograph(name).resize(size, Image.Resampling.LANCZOS), dtype=np.float32)


def _tiled(name: str, size: tuple[int, int], tile: int, tint: tuple[float, float, float]) -> Pixels:
    piece = _fitted(name, (tile, tile))
    across, down = -(-size[0] // tile), -(-size[1] // tile)
    return np.tile(piece, (down, across, 1))[: size[1], : size[0]] * np.array(tint, dtype=np.float32)


def _room(_rng: np.random.Generator) -> Pixels:
    return _fitted("motorcycle_left.png")


def _yard(_rng: np.random.Generator) -> Pixels:
    """Sky, a brick house, grass, a gravel path."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32)
    canvas[:180] = np.linspace(225, 190, 180, dtype=np.float32)[:, None, None] * np.array([0.85, 0.93, 1.0])
    canvas[60:300, 520:900] = _tiled("brick.png", (380, 240), 190, (1.1, 0.75, 0.65))
    canvas[130:230, 600:690] = 60
    canvas[180:, :520] = _tiled("grass.png", (520, 360), 260, (0.75, 1.0, 0.6))
    canvas[300:, 520:] = _tiled("grass.png", (440, 240), 220, (0.75, 1.0, 0.6))
    canvas[380:460] = _tiled("gravel.png", (WIDTH, 80), 160, (1.2, 1.15, 1.05))
    return canvas


def _street(rng: np.random.Generator) -> Pixels:
    """A wall, trees, parked cars, asphalt."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32)
    canvas[:220] = _tiled("brick.png", (WIDTH, 220), 220, (0.9, 0.85, 0.8))
    canvas[220:280] = 150
    canvas[280:] = _tiled("gravel.png", (WIDTH, 260), 260, (0.8, 0.8, 0.85))
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for left in (60, 330, 640):
        colour = tuple(int(value) for value in rng.integers(30, 220, 3))
        pen.rounded_rectangle((left, 250, left + 210, 310), 18, fill=colour)
        pen.rounded_rectangle((left + 40, 215, left + 165, 258), 16, fill=colour)
        pen.rounded_rectangle((left + 50, 222, left + 155, 250), 8, fill=(40, 50, 60))
        for wheel in (left + 45, left + 165):
            pen.ellipse((wheel - 20, 290, wheel + 20, 330), fill=(20, 20, 20))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)


def _porch(_rng: np.random.Generator) -> Pixels:
    """Grey and dark, with a lamp's light on one side: a camera with infrared light."""
    grey = _yard(_rng).mean(axis=2, keepdims=True)
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    lamp = np.exp(-(((x - 330) / 330) ** 2 + ((y - 330) / 260) ** 2)).astype(np.float32)
    return np.repeat(grey * (0.12 + 0.5 * lamp[:, :, None]), 3, axis=2)


# -- trouble -----------------------------------------------------------------------------------------------------------

_NOISE_LEVELS = {"room": 3.0, "yard": 6.0, "street": 5.0, "porch": 9.0}


def _exposure(background: Pixels, at_s: float, rng: np.random.Generator) -> Pixels:
    """A lamp's flicker in bands, and automatic exposure that breathes."""
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None, None]
    bands = 1 + 0.02 * np.sin(2 * math.pi * (rows / 180 + rng.uniform()))
    return background * bands * (1 + 0.03 * math.sin(at_s / 7))


def _clouds(background: Pixels, at_s: float, rng: np.random.Generator) -> Pixels:
    """Clouds, slow and quick; a shadow's edge that wanders; a flicker from one image to the next."""
    light = 0.85 + 0.22 * math.sin(at_s / 41) + 0.1 * math.sin(at_s / 11 + 1) + rng.uniform(-0.04, 0.04)
    across = np.arange(WIDTH, dtype=np.float32)[None, :, None]
    shadow = 1 - 0.25 / (1 + np.exp((across - 300 - at_s / 20) / 60))
    return background * shadow * light + rng.uniform(-3, 3)


def _sway(background: Pixels, at_s: float, rng: np.random.Generator) -> Pixels:
    """Trees in a gusty wind before the wall, and a pole that lets the camera shake."""
    canvas = background * (1 + 0.05 * math.sin(at_s / 23))
    gust = 0.6 + 0.4 * math.sin(at_s / 17)
    for left, size in ((0, 150), (520, 170), (830, 130)):
        canvas[: size + 40, left : left + size] = _crown(size, at_s + left, gust)
    return np.roll(canvas, (int(rng.integers(-1, 2)), int(rng.integers(-1, 2))), axis=(0, 1))


def _crown(size: int, at_s: float, gust: float) -> Pixels:
    leaves = _tiled("grass.png", (size + 40, size + 80), 120, (0.5, 0.85, 0.4))
    rows = np.arange(size + 40)
    moved = np.round(gust * (5 * np.sin(2.1 * at_s + rows / 23) + 3 * np.sin(5.3 * at_s + rows / 9))).astype(int)
    columns = np.arange(size)[None, :] + 20 + moved[:, None]
    return leaves[rows[:, None] + 20 + round(3 * gust * math.sin(1.7 * at_s)), columns]


def _dark(background: Pixels, at_s: float, _rng: np.random.Generator) -> Pixels:
    """A lamp that is not quite steady; the rest is the sensor's noise."""
    return background * (1 + 0.04 * math.sin(at_s / 3))


SCENES = (
    Scene("room", _room, _exposure, (190, 330), (480, 530), (0.5, 1.1)),
    Scene("yard", _yard, _clouds, (70, 230), (330, 520), (0.45, 1.1)),
    Scene("street", _street, _sway, (90, 240), (350, 520), (0.5, 1.1)),
    Scene("porch", _porch, _dark, (110, 260), (400, 520), (0.6, 1.2)),
)
