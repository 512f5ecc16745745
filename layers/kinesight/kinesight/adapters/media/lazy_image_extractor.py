"""ImageExtractor that imports PyAV with the first image: GetImages has all images of most windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinesight.domain.ports import ImageSpec, SlotImage


class LazyImageExtractor:
    """As AvImageExtractor."""

    def __init__(self, largest_pixels: int) -> None:
        self._largest_pixels = largest_pixels

    def extract(self, matroska: bytes, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[SlotImage]:
        """As AvImageExtractor.extract."""
        from kinesight.adapters.media.av_image_extractor import AvImageExtractor  # takes a third of a cold start

        return AvImageExtractor(self._largest_pixels).extract(matroska, moments_ms, spec)
