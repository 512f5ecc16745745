"""Amazon Rekognition's boxes, which are ratios of the picture already."""

from collections.abc import Mapping

from kinesight.domain.model import BoundingBox


def box_of(box: Mapping[str, float] | None) -> BoundingBox | None:
    """None where Rekognition gave none."""
    if not box:
        return None
    return BoundingBox(left=box["Left"], top=box["Top"], width=box["Width"], height=box["Height"])
