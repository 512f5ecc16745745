"""The inspectors of a stack, and of one of its streams. They share what they have read."""

from kinesight.domain.health.facts import HealthThresholds

from kinesight_cli.doctor.aws_reader import AwsReader
from kinesight_cli.doctor.bucket_inspector import BucketInspector
from kinesight_cli.doctor.capacity_inspector import CapacityInspector
from kinesight_cli.doctor.facts import DestinationFacts
from kinesight_cli.doctor.function_inspector import FunctionInspector
from kinesight_cli.doctor.image_inspector import ImageInspector
from kinesight_cli.doctor.media_inspector import MediaInspector
from kinesight_cli.doctor.queue_inspector import QueueInspector
from kinesight_cli.doctor.stack_inspector import StackInspector
from kinesight_cli.doctor.stream_inspector import StreamInspector
from kinesight_cli.doctor.topic_inspector import TopicInspector


class StackInspectors:
    """Inspectors of one stack."""

    def __init__(
        self, aws: AwsReader, stack_name: str, thresholds: HealthThresholds, target_shards: int | None = None
    ) -> None:
        self.thresholds = thresholds
        self.stack = StackInspector(aws, stack_name)
        self.buckets = BucketInspector(self.stack)
        self.queues = QueueInspector(self.stack, thresholds.queue_s)
        self.functions = FunctionInspector(self.stack)
        self.topics = TopicInspector(self.stack)
        self.capacity = CapacityInspector(self.stack, target_shards)


class StreamInspectors:
    """Inspectors of one stream."""

    def __init__(self, of_stack: StackInspectors, name: str) -> None:
        self.name = name
        self._buckets = of_stack.buckets
        self.stream = StreamInspector(of_stack.stack, name)
        self.media = MediaInspector(self.stream, of_stack.thresholds)
        self.images = ImageInspector(self.stream, self.media, of_stack.thresholds.image_s)

    @property
    def destination(self) -> DestinationFacts:
        return self.stream.destination(self._buckets)
