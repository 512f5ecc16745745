"""Boxes in polygons, against a slow and simple way."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.geometry import Polygon, ZoneMap, contains, overlap
from kinesight.domain.model import BoundingBox

SQUARE: Polygon = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
HORSESHOE: Polygon = ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.3), (0.3, 0.3), (0.3, 1), (0, 1))


@dataclass(frozen=True)
class APlace:
    polygon: Polygon
    least_overlap: float | None = None


def a_box(left: float, top: float, width: float, height: float) -> BoundingBox:
    return BoundingBox(left=left, top=top, width=width, height=height)


shares = st.floats(0, 1)
boxes = st.builds(a_box, st.floats(-0.2, 1), st.floats(-0.2, 1), st.floats(0.01, 0.6), st.floats(0.01, 0.6))


@st.composite
def stars(draw: st.DrawFn) -> Polygon:
    """Simple polygons, convex or not: corners at rising angles around a middle."""
    middle = draw(st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)))
    count = draw(st.integers(3, 9))
    reaches = draw(st.lists(st.floats(0.02, 0.3), min_size=count, max_size=count))
    angles = [2 * math.pi * index / count for index in range(count)]
    return tuple(
        (middle[0] + reach * math.cos(angle), middle[1] + reach * math.sin(angle))
        for reach, angle in zip(reaches, angles, strict=True)
    )


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.2, 0.5), False),
        (HORSESHOE, (0.5, 0.2), True),
        (HORSESHOE, (0.5, 0.8), False),
        (HORSESHOE, (0.1, 0.9), True),
    ],
)
def test_a_point_is_inside_or_not(polygon: Polygon, point: tuple[float, float], inside: bool) -> None:
    assert contains(polygon, *point) is inside


@pytest.mark.parametrize(
    ("box", "share"),
    [
        (a_box(0.3, 0.3, 0.2, 0.2), 1),
        (a_box(0.0, 0.0, 0.2, 0.2), 0),
        (a_box(0.15, 0.35, 0.2, 0.2), 0.5),
        (a_box(0.0, 0.0, 1.0, 1.0), 0.25),
        (a_box(0.5, 0.5, 0.0, 0.2), 0),
    ],
)
def test_the_overlap_of_a_box_and_a_square(box: BoundingBox, share: float) -> None:
    assert overlap(SQUARE, box) == pytest.approx(share)


def test_the_opening_of_a_horseshoe_is_outside() -> None:
    assert overlap(HORSESHOE, a_box(0.3, 0.3, 0.4, 0.7)) == pytest.approx(0)
    assert overlap(HORSESHOE, a_box(0.0, 0.5, 1.0, 0.5)) == pytest.approx(0.6)


@given(stars(), boxes)
def test_the_overlap_agrees_with_counting_points(polygon: Polygon, box: BoundingBox) -> None:
    side = 24
    points = [
        (box.left + box.width * (column + 0.5) / side, box.top + box.height * (row + 0.5) / side)
        for row in range(side)
        for column in range(side)
    ]
    counted = sum(contains(polygon, *point) for point in points) / side**2

    assert overlap(polygon, box) == pytest.approx(counted, abs=0.12)


@given(st.lists(stars(), min_size=1, max_size=6), boxes)
def test_the_map_agrees_with_checking_each_zone(polygons: list[Polygon], box: BoundingBox) -> None:
    zones = [APlace(polygon, 0.3 if index % 2 else None) for index, polygon in enumerate(polygons)]
    foot = min(max(box.left + box.width / 2, 0), 1), min(max(box.top + box.height, 0), 1)

    expected = [
        index
        for index, zone in enumerate(zones)
        if (contains(zone.polygon, *foot) if zone.least_overlap is None else overlap(zone.polygon, box) >= 0.3)
    ]

    assert ZoneMap(zones).of(box) == expected
