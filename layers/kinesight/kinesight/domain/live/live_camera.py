"""What the configuration says of a stream that is read live; it may change while it is read."""

from collections.abc import Callable
from dataclasses import dataclass

from kinesight.domain.configuration.configuration import Configuration
from kinesight.media.selection import EveryInterval, EveryNth, Sampler


class _Nothing:
    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:  # noqa: ARG002 - as a sampler
        return False, state


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """`configuration` returns the current one."""

    stream_name: str
    configuration: Callable[[], Configuration]

    def sampler(self) -> Sampler:
        """Which keyframes are analyzed; none without a detector."""
        camera = self.configuration().of_stream(self.stream_name).camera
        if camera.detector is None:
            return _Nothing()
        every = camera.live.inference_interval
        return EveryNth(every) if every else EveryInterval(camera.live.sampling_interval)
