"""A deployment or the schedule → stream settings on every selected stream."""

from dataclasses import asdict
from typing import Any

from kinesight.domain.errors import InvalidEventError
from kinesight.domain.streams import bucket_notification
from kinesight.domain.streams.bucket_notification import OwnNotification
from kinesight.domain.streams.configure_streams import ConfigureStreamsReport, apply, refresh, restore_all
from kinesight.domain.streams.notification_topic import check_notification_topic
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, measure, observed
from kinesight.wiring import configure_streams as wiring

_BUCKET_NOTIFICATION = "Custom::KinesightBucketNotification"
_NOT_ADDED = "kinesight-not-added"
"""Physical id of a notification that could not be created, so that there is nothing to remove."""
_NAMED = 100
"""Most streams without images that are named in the log of one run."""


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a custom resource's request, which is always answered, or a scheduled event."""
    if event.get("ResourceType") == _BUCKET_NOTIFICATION:
        return _bucket_notification(event)
    if "RequestType" in event:
        return _deployment(event, context)
    if event.get("source") == "aws.events":
        return _scheduled(context)
    raise InvalidEventError("neither a request of CloudFormation nor a scheduled event")


def _scheduled(context: LambdaContext) -> dict[str, Any]:
    report = refresh(wiring.stream_settings(), wiring.ports(context.get_remaining_time_in_millis))
    counts = _log_and_count(report)
    if not report.skipped:
        missing = wiring.missing_images()
        for name in missing.without_images[:_NAMED]:
            logger.warning("fragments arrive, but no images", stream_name=name)
        count(Metric.STREAMS_WITHOUT_IMAGES, len(missing.without_images))
    return counts


def _deployment(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    try:
        _check_topic(event)
        ports = wiring.ports(context.get_remaining_time_in_millis)
        if event["RequestType"] == "Delete":
            report = restore_all(ports)
        else:
            report = wiring.once_permitted(lambda: apply(wiring.stream_settings(), ports))
    except Exception as error:  # CloudFormation waits for a response, whatever went wrong
        wiring.respond(event, failure=f"{type(error).__name__}: {error}", data={})
        raise
    result = _log_and_count(report)
    if event["RequestType"] == "Delete" and report.pending:
        wiring.respond(event, failure=f"{report.pending} configurations are left to give back; delete again", data={})
        return result
    data = {key: str(value) for key, value in result.items() if key != "warnings"}
    wiring.respond(event, failure=None, data=data | {"warnings": " | ".join(report.warnings[:3])[:1500]})
    return result


def _check_topic(event: dict[str, Any]) -> None:
    topic_arn = event["ResourceProperties"].get("NotificationTopicArn")
    if topic_arn is not None and event["RequestType"] != "Delete":
        check_notification_topic(topic_arn, event["StackId"])


def _bucket_notification(event: dict[str, Any]) -> dict[str, Any]:
    given, stack = event["ResourceProperties"], event["StackId"].split(":")
    own = OwnNotification(f"kinesight-{stack[5].rpartition('/')[2]}", given["Bucket"], given["QueueArn"])
    try:
        changed = _add_or_remove(event, own, stack[4])
    except Exception as error:  # CloudFormation waits for a response, whatever went wrong
        wiring.respond({"PhysicalResourceId": _NOT_ADDED} | event, failure=f"{type(error).__name__}: {error}", data={})
        raise
    logger.info("bucket notification", request=event["RequestType"], bucket=own.bucket, changed=changed)
    # The bucket's name in it: CloudFormation then has the notification of a former bucket removed.
    deleted = event["RequestType"] == "Delete"
    named = {} if deleted else {"PhysicalResourceId": f"{own.bucket}/{own.config_id}"}
    wiring.respond(event | named, failure=None, data={})
    return {"changed": changed}


def _add_or_remove(event: dict[str, Any], own: OwnNotification, account_id: str) -> bool:
    notifications = wiring.bucket_notifications(account_id)
    if event["RequestType"] != "Delete":
        return wiring.once_permitted(lambda: bucket_notification.add(own, notifications))
    if event.get("PhysicalResourceId") == _NOT_ADDED:
        return False
    return bucket_notification.remove(own.bucket, own.config_id, notifications)


def _log_and_count(report: ConfigureStreamsReport) -> dict[str, Any]:
    result = asdict(report)
    logger.info("configured", **result)
    for warning in report.warnings:
        logger.warning(warning)
    measure(Metric.STREAMS_SELECTED, [report.selected])
    count(Metric.STREAMS_UPDATED, report.updated)
    count(Metric.STREAMS_WITHOUT_RETENTION, report.no_retention)
    count(Metric.STREAMS_FAILED, report.failed)
    return result
