"""Geometry of boxes and polygons. Coordinates are ratios of the image size, 0 to 1."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from kinesight.domain.model import BoundingBox

Point = tuple[float, float]
Polygon = tuple[Point, ...]

_CELLS = 48
"""Cells per side of the grid that decides for most points whether a polygon contains them."""

_NEARLY = 1 - 1e-9


class Place(Protocol):
    """A zone: a polygon, and the part of a box that must be inside."""

    @property
    def polygon(self) -> Polygon: ...

    @property
    def least_overlap(self) -> float | None:
        """The ratio of the box that must be inside; None requires the middle of its lower edge, where objects stand."""


def contains(polygon: Polygon, x: float, y: float) -> bool:
    """Whether the polygon contains the point (even-odd rule)."""
    inside = False
    last_x, last_y = polygon[-1]
    for next_x, next_y in polygon:
        if (next_y > y) != (last_y > y) and x < (last_x - next_x) * (y - next_y) / (last_y - next_y) + next_x:
            inside = not inside
        last_x, last_y = next_x, next_y
    return inside


def overlap(polygon: Polygon, box: BoundingBox) -> float:
    """Returns the ratio of the box that is inside the polygon; 0 for a box without area."""
    area = box.width * box.height
    if area <= 0:
        return 0.0
    clipped: Sequence[Point] = polygon
    for axis, bound, keeps_above in (
        (0, box.left, True),
        (0, box.left + box.width, False),
        (1, box.top, True),
        (1, box.top + box.height, False),
    ):
        clipped = _clipped(clipped, axis, bound, keeps_above=keeps_above)
        if not clipped:
            return 0.0
    return min(1.0, _area(clipped) / area)


def _clipped(polygon: Sequence[Point], axis: int, bound: float, *, keeps_above: bool) -> list[Point]:
    """Clips a polygon at a line (Sutherland-Hodgman)."""
    kept: list[Point] = []
    before = polygon[-1]
    was_in = (before[axis] >= bound) == keeps_above
    for point in polygon:
        is_in = (point[axis] >= bound) == keeps_above
        if is_in != was_in:
            share = (bound - before[axis]) / (point[axis] - before[axis])
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if is_in:
            kept.append(point)
        before, was_in = point, is_in
    return kept


def _area(polygon: Sequence[Point]) -> float:
    corners = [*polygon, polygon[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(corners))) / 2


_Bounds = tuple[float, float, float, float]


def _bounds(polygon: Polygon) -> _Bounds:
    """Returns left, top, right, bottom."""
    across, down = zip(*polygon, strict=True)
    return min(across), min(down), max(across), max(down)


def _may_hold(bounds: _Bounds, box: BoundingBox, least: float) -> bool:
    """False if less than `least` of the box is inside the bounds, which is cheaper to check than the polygon."""
    across = min(bounds[2], box.left + box.width) - max(bounds[0], box.left)
    down = min(bounds[3], box.top + box.height) - max(bounds[1], box.top)
    return across * down >= least * box.width * box.height * _NEARLY


class ZoneMap:
    """Finds the zones that contain a box; prepared for many boxes."""

    def __init__(self, zones: Sequence[Place]) -> None:
        self._by_share = [
            (index, zone.polygon, _bounds(zone.polygon), least)
            for index, zone in enumerate(zones)
            if (least := zone.least_overlap) is not None
        ]
        by_foot = [(index, zone.polygon) for index, zone in enumerate(zones) if zone.least_overlap is None]
        self._grid = [_cell(by_foot, row, column) for row in range(_CELLS) for column in range(_CELLS)]

    def of(self, box: BoundingBox) -> list[int]:
        """Returns the indexes of the zones that contain the box, ascending. A box that reaches outside the image is
        clamped to its edge."""
        left, top, width, height = box.left, box.top, box.width, box.height
        x, y = min(max(left + width / 2, 0.0), 1.0), min(max(top + height, 0.0), 1.0)
        row, column = min(int(y * _CELLS), _CELLS - 1), min(int(x * _CELLS), _CELLS - 1)
        inside, undecided = self._grid[row * _CELLS + column]
        found = [*inside, *(index for index, polygon in undecided if contains(polygon, x, y))]
        right, bottom = left + width, top + height
        found += [
            index
            for index, polygon, bounds, least in self._by_share
            if bounds[0] < right
            and left < bounds[2]
            and bounds[1] < bottom
            and top < bounds[3]
            and _may_hold(bounds, box, least)
            and overlap(polygon, box) >= least
        ]
        return sorted(found)


_Cell = tuple[tuple[int, ...], tuple[tuple[int, Polygon], ...]]


def _cell(zones: Sequence[tuple[int, Polygon]], row: int, column: int) -> _Cell:
    """Returns the zones that cover this cell, and the zones with an edge in it, which have to be checked."""
    left, top, right, bottom = column / _CELLS, row / _CELLS, (column + 1) / _CELLS, (row + 1) / _CELLS
    cut = [one for one in zones if _crosses(one[1], left, top, right, bottom)]
    whole = [index for index, polygon in zones if (index, polygon) not in cut]
    middle = ((left + right) / 2, (top + bottom) / 2)
    polygons = dict(zones)
    return tuple(index for index in whole if contains(polygons[index], *middle)), tuple(cut)


def _crosses(polygon: Polygon, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether an edge may pass through the cell; may be a false positive."""
    before = polygon[-1]
    for point in polygon:
        across = min(before[0], point[0]) <= right and max(before[0], point[0]) >= left
        down = min(before[1], point[1]) <= bottom and max(before[1], point[1]) >= top
        if across and down and not _on_one_side(before, point, left, top, right, bottom):
            return True
        before = point
    return False


def _on_one_side(one: Point, other: Point, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether all four corners are on one side of the line through the two points."""
    sides = [
        (other[0] - one[0]) * (y - one[1]) - (other[1] - one[1]) * (x - one[0])
        for x, y in ((left, top), (right, top), (left, bottom), (right, bottom))
    ]
    return all(side > 0 for side in sides) or all(side < 0 for side in sides)
