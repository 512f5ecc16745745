"""The catalogue of detectors: one entry each, from which settings, workflow input, commands, prices and docs derive.

To add one: its entry in a module of this package, its adapter, its factory in wiring/detectors.py, its parameters and
permissions in template.yaml, and `python scripts/catalogue_tables.py` for docs/detectors.md.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from kinesight.domain.detectors.catalogue import own_models, rekognition
from kinesight.domain.detectors.catalogue.entry import DetectorEntry

DETECTORS: Mapping[str, DetectorEntry[Any]] = {one.name: one for one in (*rekognition.ENTRIES, *own_models.ENTRIES)}
"""By name, in the order of the template's Detector parameter."""


def known_detector(value: str) -> str:
    """The value itself. Raises ValueError if the catalogue has no such detector."""
    if value not in DETECTORS:
        raise ValueError(f"there is no detector {value!r}; there are {', '.join(DETECTORS)}")
    return value


DetectorType = Annotated[str, AfterValidator(known_detector)]
"""The name of a detector in the catalogue."""
