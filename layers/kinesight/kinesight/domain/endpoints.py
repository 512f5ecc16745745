"""A SageMaker endpoint, as its caller must know it."""

from dataclasses import dataclass

from kinesight.domain.picture_fit import PictureForm


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an endpoint is called, what it takes, and the Accept it is asked with."""

    name: str
    form: PictureForm
    accept: str
