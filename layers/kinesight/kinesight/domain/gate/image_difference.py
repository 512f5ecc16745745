"""Scores in percent how much of an image has changed, tolerating changes of lighting, noise and slight motion.

A luma is the brightness of an image in a grid of 64 × 36 blocks, row by row, one byte per block, whatever its aspect
ratio.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain, compress, pairwise
from operator import mul
from statistics import fmean, median

from kinesight.domain.geometry import Polygon, contains

COLUMNS, ROWS = 64, 36
BLOCKS = COLUMNS * ROWS

_CHANGED_LEVELS = 9.0
"""Of 255. JPEG quality 80 and sensor noise change the mean of a block by less than two."""
_MOST_NOISE_LEVELS = 9.0
"""Upper limit of the noise estimate, so that real changes of half of the image are not taken for noise."""
_SIGMA = 1.4826  # of a normal distribution, per median absolute deviation
_GAINS = (0.5, 2.0)
_HASH_COLUMNS, _HASH_ROWS = COLUMNS // 2, ROWS // 2
_HASH_LEVELS = 6.0
"""Minimum step between neighbours that sets a bit; without it, the bits of a plain wall would be noise."""

_Block = float


@lru_cache(maxsize=64)
def watched_blocks(ignored: tuple[Polygon, ...]) -> tuple[bool, ...]:
    """Returns for each block whether it counts: its centre lies in none of the polygons."""
    centres = (((column + 0.5) / COLUMNS, (row + 0.5) / ROWS) for row in range(ROWS) for column in range(COLUMNS))
    return tuple(not any(contains(polygon, x, y) for polygon in ignored) for x, y in centres)


def changed_blocks_percent(reference: bytes, luma: bytes, watched: Sequence[bool]) -> float:
    """Returns the percentage of watched blocks that differ from their place in the other image and its neighbours.

    The image is first adjusted to the lighting of the reference. Including neighbours tolerates a shaking camera and
    moving leaves; comparing in both directions detects what appeared and what disappeared.
    """
    adjusted = _adjust_lighting(reference, luma, watched)
    limit = _CHANGED_LEVELS + _noise_levels(reference, adjusted, watched)
    appeared = _outside(adjusted, reference, limit)
    disappeared = _outside(reference, adjusted, limit)
    changed = [one or other for one, other in zip(appeared, disappeared, strict=True)]
    return _percent(sum(compress(changed, watched)), sum(watched))


def changed_bits_percent(reference: bytes, luma: bytes, watched: Sequence[bool]) -> float:
    """Returns the percentage of bits in which the difference hashes of the images differ. A bit is set if brightness
    increases from one block of a 32 × 18 grid to the next, rightwards or downwards."""
    pairs = list(zip(_hash_bits(reference, watched), _hash_bits(luma, watched), strict=True))
    return _percent(sum(one != other for one, other in pairs), len(pairs))


def _adjust_lighting(reference: bytes, luma: bytes, watched: Sequence[bool]) -> list[_Block]:
    """Returns the luma after the gain and offset that bring most blocks closest to the reference."""
    pairs = list(compress(zip(luma, reference, strict=True), watched))
    gain, offset = _fit(pairs)
    residuals = [abs(value * gain + offset - target) for value, target in pairs]
    if residuals:
        # Blocks that appeared or disappeared are not lighting: without the outliers, the fit is that of the scene.
        usual = 2.5 * _SIGMA * median(residuals) + 2
        gain, offset = _fit([pair for pair, residual in zip(pairs, residuals, strict=True) if residual <= usual])
    return [value * gain + offset for value in luma]


def _fit(pairs: Sequence[tuple[int, int]]) -> tuple[float, float]:
    if not pairs:
        return 1.0, 0.0
    values, target = zip(*pairs, strict=True)
    mean, target_mean = fmean(values), fmean(target)
    spread = sum(map(mul, values, values)) - len(values) * mean * mean
    common = sum(map(mul, values, target)) - len(values) * mean * target_mean
    # An image with hardly any contrast does not determine a gain.
    gain = min(max(common / spread, _GAINS[0]), _GAINS[1]) if spread > len(values) else 1.0
    return gain, target_mean - gain * mean


def _noise_levels(reference: bytes, adjusted: Sequence[_Block], watched: Sequence[bool]) -> float:
    residuals = [abs(one - other) for one, other in compress(zip(reference, adjusted, strict=True), watched)]
    return min(3 * _SIGMA * median(residuals), _MOST_NOISE_LEVELS) if residuals else 0.0


def _outside(blocks: Sequence[_Block], other: Sequence[_Block], limit: float) -> list[bool]:
    """Returns for each block whether it is darker or brighter by the limit than its place and its eight neighbours in
    the other image."""
    rows = [other[start : start + COLUMNS] for start in range(0, BLOCKS, COLUMNS)]
    lowest, highest = _around(rows, _lowest), _around(rows, _highest)
    return [not low - limit <= block <= high + limit for block, low, high in zip(blocks, lowest, highest, strict=True)]


_Pick = Callable[[_Block, _Block, _Block], _Block]
_lowest: _Pick = min
_highest: _Pick = max


def _around(rows: Sequence[Sequence[_Block]], pick: _Pick) -> Iterable[_Block]:
    across = [list(map(pick, (row[0], *row[:-1]), row, (*row[1:], row[-1]))) for row in rows]
    above, below = [across[0], *across[:-1]], [*across[1:], across[-1]]
    return chain.from_iterable(map(pick, *three) for three in zip(above, across, below, strict=True))


def _hash_bits(luma: bytes, watched: Sequence[bool]) -> list[bool]:
    counted = list(compress(luma, watched))
    plain = fmean(counted) if counted else 0.0
    blocks = [value if counts else plain for value, counts in zip(luma, watched, strict=True)]
    grid = [_halved(blocks, row) for row in range(_HASH_ROWS)]
    right = [after - before > _HASH_LEVELS for row in grid for before, after in pairwise(row)]
    down = [
        lower - upper > _HASH_LEVELS
        for above, below in pairwise(grid)
        for upper, lower in zip(above, below, strict=True)
    ]
    return right + down


def _halved(blocks: Sequence[_Block], row: int) -> list[_Block]:
    first, second = blocks[2 * row * COLUMNS :][:COLUMNS], blocks[(2 * row + 1) * COLUMNS :][:COLUMNS]
    sums = [one + other for one, other in zip(first, second, strict=True)]
    return [(left + right) / 4 for left, right in zip(sums[::2], sums[1::2], strict=True)]


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
