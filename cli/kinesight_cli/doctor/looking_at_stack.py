"""The facts of a deployed stack, looked up when they are asked for, and once."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import ConfigureStreamsSettings
from kinesight.wiring.stream_settings import image_generation_settings, notification_settings

from kinesight_cli.doctor.asking import Aws
from kinesight_cli.doctor.facts import (
    BucketFacts,
    BucketNotificationFacts,
    DeadLetters,
    DeadLettersFacts,
    ErrorsFacts,
    KeyFacts,
    PolicyFacts,
    QueueFacts,
    ReaderFacts,
    ResultsFacts,
    StackFacts,
    Subscription,
    TopicFacts,
)

IMAGES_PREFIX = "images/"
_NO_STACK = frozenset({"ValidationError"})
_MINUTES = 15
_WATCHED = ("AnalyzeImagesFunction", "KeepEvidenceFunction", "TrackSessionsFunction")
_LOG_PAGES = 10


class StackEye:
    """One stack. What it looks at raises as `Aws.ask` does; what depends on a missing resource is not to be asked."""

    def __init__(self, aws: Aws, name: str, patience: HealthThresholds) -> None:
        self.aws = aws
        self.name = name
        self.patience = patience

    @cached_property
    def stack(self) -> StackFacts:
        """Two calls, whatever the stack's size."""
        answer = self.aws.ask("cloudformation", "describe_stacks", StackName=self.name, absent=_NO_STACK)
        if answer is None:
            return StackFacts(self.name, self.aws.region)
        (stack,) = answer["Stacks"]
        return StackFacts(
            name=self.name,
            region=self.aws.region,
            account_id=stack["StackId"].split(":")[4],
            status=stack["StackStatus"],
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])},
            resources=self._resources(),
        )

    def _resources(self) -> dict[str, str]:
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in self.aws.pages("cloudformation", "list_stack_resources", StackName=self.name)
            for one in page["StackResourceSummaries"]
        }

    def parameter(self, name: str) -> str:
        """ "" for one that this version of the stack does not have."""
        return self.stack.parameters.get(name, "")

    def resource(self, logical_id: str) -> str:
        """The physical id. An empty one is nobody's."""
        return self.stack.resources.get(logical_id, "")

    @cached_property
    def settings(self) -> ConfigureStreamsSettings:
        """What configure_streams was deployed with."""
        return ConfigureStreamsSettings(
            coordination_table=self.resource("CoordinationTable"),
            configuration_bucket=self.resource("EvidenceBucket"),
            images_uri=f"s3://{self.resource('ImagesBucket')}/{IMAGES_PREFIX.rstrip('/')}",
            notification_topic_arn=self.resource("NotificationTopic"),
            **{field: self.parameter(name) for field, name in _SETTINGS.items()},  # type: ignore[arg-type]  # pydantic reads text
        )

    @cached_property
    def selection(self) -> StreamSelection:
        return StreamSelection.of(self.settings.stream_names, self.settings.tag_filter_documents())

    def wanted_images(self, stream_region: str) -> Mapping[str, Any]:
        """Of a stream in that Region."""
        wanted = image_generation_settings(self.settings)
        return {**wanted, "DestinationConfig": wanted["DestinationConfig"] | {"DestinationRegion": stream_region}}

    @property
    def wanted_notifications(self) -> Mapping[str, Any]:
        return notification_settings(self.settings)

    # -- pictures in ---------------------------------------------------------------------------------------------

    @cached_property
    def images_bucket(self) -> BucketFacts:
        return self._bucket("ImagesBucket")

    @property
    def evidence_bucket(self) -> BucketFacts:
        return self._bucket("EvidenceBucket")

    def _bucket(self, logical_id: str) -> BucketFacts:
        name = self.resource(logical_id)
        answer = self.aws.ask("s3", "get_bucket_location", Bucket=name)
        # S3 tells no Region for us-east-1, and EU for the oldest buckets of eu-west-1 (API_GetBucketLocation).
        region = None if answer is None else answer.get("LocationConstraint") or "us-east-1"
        return BucketFacts(name, "eu-west-1" if region == "EU" else region, self.stack.region)

    @property
    def bucket_policy(self) -> PolicyFacts:
        name = self.resource("ImagesBucket")
        answer = self.aws.ask("s3", "get_bucket_policy", Bucket=name)
        policy = None if answer is None else json.loads(answer["Policy"])
        return PolicyFacts(f"{self._images_arn}/{IMAGES_PREFIX}a.jpg", policy, place=name)

    @property
    def _images_arn(self) -> str:
        return f"arn:{self._partition}:s3:::{self.resource('ImagesBucket')}"

    @property
    def key(self) -> KeyFacts:
        """Of the parameter KmsKeyArn."""
        key = self.parameter("KmsKeyArn")
        return KeyFacts(key, self.key_state(key) if key else None, "pictures, results, tables and evidence")

    def key_state(self, key: str) -> str | None:
        """KMS's KeyState."""
        answer = self.aws.ask("kms", "describe_key", KeyId=key)
        return None if answer is None else str(answer["KeyMetadata"]["KeyState"])

    @property
    def bucket_notification(self) -> BucketNotificationFacts:
        name = self.resource("ImagesBucket")
        answer = self.aws.ask("s3", "get_bucket_notification_configuration", Bucket=name) or {}
        told = tuple(
            one["QueueArn"]
            for one in answer.get("QueueConfigurations", [])
            if _tells(one) and any(event.startswith("s3:ObjectCreated:") for event in one["Events"])
        )
        return BucketNotificationFacts(name, self._queue_arn("ImagesQueue"), IMAGES_PREFIX, told)

    def _queue_arn(self, logical_id: str) -> str:
        """A queue's physical id is its address, which ends in its name."""
        name = self.resource(logical_id).rpartition("/")[2]
        return f"arn:{self._partition}:sqs:{self.stack.region}:{self.stack.account_id}:{name}"

    @property
    def _partition(self) -> str:
        topic = self.resource("AlertTopic")
        return topic.split(":")[1] if topic else "aws"

    @cached_property
    def queue(self) -> QueueFacts:
        """Of pictures. The age of the oldest message is CloudWatch's, five minutes old at most."""
        url = self.resource("ImagesQueue")
        name = url.rpartition("/")[2]
        told = self._queue_attributes(url)
        if told is None:
            return QueueFacts(name, None, 0, None, self.patience.queue_s)
        return QueueFacts(
            queue=name,
            waiting=int(told.get("ApproximateNumberOfMessages", 0)),
            taken=int(told.get("ApproximateNumberOfMessagesNotVisible", 0)),
            oldest_s=self._oldest_s(name),
            queue_s=self.patience.queue_s,
        )

    def _queue_attributes(self, url: str) -> Mapping[str, str] | None:
        answer = self.aws.ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        return None if answer is None else answer["Attributes"]

    def _oldest_s(self, queue: str) -> float | None:
        now = datetime.now(UTC)
        points = self.aws.ask(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        latest = max(points, key=lambda one: one["Timestamp"], default=None)
        return None if latest is None else float(latest["Maximum"])

    @property
    def queue_policy(self) -> PolicyFacts:
        return self._queue_policy("ImagesQueue", self._images_arn)

    @property
    def notifications_queue_policy(self) -> PolicyFacts:
        return self._queue_policy("NotificationsQueue", self.resource("NotificationTopic"))

    def _queue_policy(self, logical_id: str, caller: str) -> PolicyFacts:
        url = self.resource(logical_id)
        policy = (self._queue_attributes(url) or {}).get("Policy")
        return PolicyFacts(self._queue_arn(logical_id), json.loads(policy) if policy else None, caller, url)

    # -- functions -----------------------------------------------------------------------------------------------

    def images_reader(self) -> ReaderFacts:
        return self._reader("AnalyzeImagesFunction", self._queue_arn("ImagesQueue"), "Pictures")

    def evidence_reader(self) -> ReaderFacts:
        return self._reader("KeepEvidenceFunction", self._results_arn, "Evidence")

    def sessions_reader(self) -> ReaderFacts:
        return self._reader("TrackSessionsFunction", self._results_arn, "Sessions and alerts")

    def notifications_reader(self) -> ReaderFacts:
        return self._reader("StartAnalysisFunction", self._queue_arn("NotificationsQueue"), "Notifications")

    @property
    def _results_arn(self) -> str:
        name = self.resource("ResultsStream")
        return f"arn:{self._partition}:kinesis:{self.stack.region}:{self.stack.account_id}:stream/{name}"

    def _reader(self, logical_id: str, source_arn: str, what: str) -> ReaderFacts:
        """A mapping may feed an alias of the function."""
        function = self.resource(logical_id)
        mappings = self.aws.ask("lambda", "list_event_source_mappings", EventSourceArn=source_arn)
        mine = [
            one
            for one in (mappings or {}).get("EventSourceMappings", [])
            if f":function:{function}" in one["FunctionArn"]
        ]
        configuration = self.aws.ask("lambda", "get_function_configuration", FunctionName=function)
        concurrency = self.aws.ask("lambda", "get_function_concurrency", FunctionName=function) or {}
        state, reason = _function_state(configuration)
        return ReaderFacts(
            function=function,
            source=source_arn,
            mapping_id=mine[0]["UUID"] if mine else "",
            state=mine[0]["State"] if mine else None,
            function_state=state,
            reason=reason,
            concurrency=concurrency.get("ReservedConcurrentExecutions"),
            what=what,
        )

    @property
    def results(self) -> ResultsFacts:
        name = self.resource("ResultsStream")
        answer = self.aws.ask("kinesis", "describe_stream_summary", StreamName=name)
        return ResultsFacts(name, None if answer is None else answer["StreamDescriptionSummary"]["StreamStatus"])

    @property
    def errors(self) -> ErrorsFacts:
        """CloudWatch's sums by function, and the log of analyze_images."""
        names = {one.removesuffix("Function"): self.resource(one) for one in _WATCHED if self.resource(one)}
        begin = datetime.now(UTC) - timedelta(minutes=_MINUTES)
        log_group = self.resource("AnalyzeImagesLogs")
        return ErrorsFacts(
            minutes=_MINUTES,
            errors=self._sums(names, "Errors", begin),
            throttles=self._sums(names, "Throttles", begin),
            problems=self._problems(log_group, begin),
            log_group=log_group,
        )

    def _sums(self, names: Mapping[str, str], metric: str, begin: datetime) -> dict[str, int]:
        queries = [
            {
                "Id": f"m{index}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "FunctionName", "Value": function}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for index, function in enumerate(names.values())
        ]
        answer = self.aws.ask(
            "cloudwatch", "get_metric_data", MetricDataQueries=queries, StartTime=begin, EndTime=datetime.now(UTC)
        )
        sums = {one["Id"]: int(sum(one["Values"])) for one in answer["MetricDataResults"]}
        return {name: sums.get(f"m{index}", 0) for index, name in enumerate(names)}

    def _problems(self, log_group: str, begin: datetime) -> tuple[str, ...]:
        """A page may be empty and have a next one (API_FilterLogEvents)."""
        told: list[str] = []
        token: dict[str, Any] = {}
        for _ in range(_LOG_PAGES):
            page = self.aws.ask(
                "logs",
                "filter_log_events",
                logGroupName=log_group,
                startTime=round(begin.timestamp() * 1000),
                filterPattern="?ERROR ?WARNING",
                **token,
            )
            told += [problem for one in (page or {}).get("events", []) if (problem := _problem(one["message"]))]
            if not page or not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        return tuple(told)

    # -- what was given up, and who is told ------------------------------------------------------------------------

    @property
    def dead_letters(self) -> DeadLettersFacts:
        """Looking takes a message for no time at all, so nobody misses it."""
        urls = {name: url for name, url in self.stack.resources.items() if name.endswith("DeadLetterQueue")}
        found = []
        for name, url in sorted(urls.items()):
            count = int((self._queue_attributes(url) or {}).get("ApproximateNumberOfMessages", 0))
            if count:
                found.append(DeadLetters(name, count, self._reason(url)))
        return DeadLettersFacts(len(urls), tuple(found))

    def _reason(self, url: str) -> str:
        answer = self.aws.ask(
            "sqs", "receive_message", QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0
        )
        told = [one.get("MessageAttributes", {}) for one in answer.get("Messages", [])]
        named = [
            ": ".join(one[name]["StringValue"] for name in ("errorType", "errorMessage") if name in one) for one in told
        ]
        return next((one for one in named if one), "too many failed attempts (the function's log has them)")

    @property
    def alerts(self) -> TopicFacts:
        return self._topic("AlertTopic", self.parameter("AlertEmail"))

    @property
    def notifications_topic(self) -> TopicFacts:
        return self._topic("NotificationTopic", self._queue_arn("NotificationsQueue"))

    def _topic(self, logical_id: str, endpoint: str) -> TopicFacts:
        arn = self.resource(logical_id)
        pages = list(self.aws.pages("sns", "list_subscriptions_by_topic", TopicArn=arn))
        found = tuple(
            Subscription(one["Protocol"], one.get("Endpoint", ""), one["SubscriptionArn"].startswith("arn:"))
            for page in pages
            for one in page["Subscriptions"]
        )
        return TopicFacts(arn, endpoint, found if pages else None)


_SETTINGS = {
    "stream_names": "StreamNames",
    "tag_filters": "TagFilters",
    "image_selector_type": "ImageSelectorType",
    "sampling_interval": "SamplingInterval",
    "format": "Format",
    "jpeg_quality": "JPEGQuality",
    "width_pixels": "WidthPixels",
    "height_pixels": "HeightPixels",
}


def _tells(configuration: Any) -> bool:
    """Whether it covers every picture: by no filter, or by one that the prefix of pictures passes."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return all(one["Name"].lower() == "prefix" and IMAGES_PREFIX.startswith(one["Value"]) for one in rules)


def _function_state(configuration: Any) -> tuple[str | None, str]:
    """Lambda's State, or that the last update failed; and why."""
    if configuration is None:
        return None, ""
    if configuration.get("LastUpdateStatus") == "Failed":
        return "Failed", configuration.get("LastUpdateStatusReason", "")
    return configuration.get("State", "Active"), configuration.get("StateReason", "")


def _problem(line: str) -> str:
    """ "" for a line that tells of none."""
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(told, dict) or told.get("level") not in ("ERROR", "WARNING", "CRITICAL"):
        return ""
    return f"{told.get('message')}: {told.get('reason', told.get('exception_name', ''))}".rstrip(": ")
