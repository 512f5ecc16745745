"""What the configuration says of a stream that is read live; it may change while it is read."""

from collections.abc import Callable
from dataclasses import dataclass

from kinesight.domain.configuration.configuration import Configuration
from kinesight.media.selection import EveryInterval, EveryNth, Sampler


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """`configuration` returns the current one."""

    stream_name: str
    configuration: Callable[[], Configuration]

    def sampler(self) -> Sampler | None:
        """Which keyframes are analyzed; None without a detector."""
        camera = self.configuration().of_stream(self.stream_name).camera
        if camera.detector is None:
            return None
        every = camera.live.inference_interval
        return EveryNth(every) if every else EveryInterval(camera.live.sampling_interval)
