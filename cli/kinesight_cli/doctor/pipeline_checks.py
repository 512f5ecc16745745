"""Checks of the pipeline behind the images bucket. Pure functions from facts to results."""

from kinesight.domain.check_results import Cause, Result, failed, ok
from kinesight.domain.health.checks import span

from kinesight_cli.doctor.facts import (
    BucketFacts,
    BucketNotificationFacts,
    DeadLettersFacts,
    ErrorsFacts,
    FunctionFacts,
    PolicyFacts,
    QueueFacts,
    ResultsFacts,
    TopicFacts,
)
from kinesight_cli.doctor.resource_policies import allows, denials

_SEND = "sqs:SendMessage"
_OFF = frozenset({"Disabled", "Disabling", "Deleting"})
_SHOWN = 2


def bucket_notification(facts: BucketNotificationFacts) -> Result:
    """Checks that the images bucket notifies the images queue."""
    if facts.queue_arn in facts.destinations:
        return ok(f"notifies {facts.queue_arn.rpartition(':')[2]} of new images")
    configuration = (
        f'{{"QueueConfigurations":[{{"QueueArn":"{facts.queue_arn}","Events":["s3:ObjectCreated:*"],'
        f'"Filter":{{"Key":{{"FilterRules":[{{"Name":"prefix","Value":"{facts.prefix}"}}]}}}}}}]}}'
    )
    return failed(
        Cause.BUCKET_NOT_NOTIFYING,
        f"{facts.bucket} does not notify the queue of new objects under {facts.prefix}",
        "A bucket has one notification configuration, and it was replaced. Images are written but not analyzed; "
        "analyze the missed time range with `kinesight analyze`.",
        f"aws s3api put-bucket-notification-configuration --bucket {facts.bucket} "
        f"--notification-configuration '{configuration}'"
        if facts.is_of_stack
        else f"aws s3api get-bucket-notification-configuration --bucket {facts.bucket}  # then put it back with this "
        f"added, because a put replaces all of it: {configuration}",
    )


def queue_policy(facts: PolicyFacts) -> Result:
    """Checks that the images queue accepts messages from the bucket."""
    return _accepts(facts, "s3.amazonaws.com", "the bucket")


def notifications_queue_policy(facts: PolicyFacts) -> Result:
    """Checks that the notifications queue accepts messages from the topic."""
    return _accepts(facts, "sns.amazonaws.com", "the topic")


def _accepts(facts: PolicyFacts, service: str, sender: str) -> Result:
    denied = denials(facts.policy, _SEND, facts.resource)
    if not denied and allows(facts.policy, _SEND, facts.resource, service, facts.caller):
        return ok(f"accepts messages from {sender}")
    policy = (
        f'{{"Version":"2012-10-17","Statement":[{{"Sid":"AllowSender","Effect":"Allow","Principal":{{"Service":"{service}"}},'
        f'"Action":"{_SEND}","Resource":"{facts.resource}",'
        f'"Condition":{{"ArnEquals":{{"aws:SourceArn":"{facts.caller}"}}}}}},'
        f'{{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"{facts.resource}",'
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
    )
    escaped = policy.replace('"', '\\"')
    return failed(
        Cause.QUEUE_REFUSES,
        f"the queue policy denies {_SEND}: {', '.join(denied)}"
        if denied
        else f"the queue policy does not allow {sender} to send",
        f"Messages of {facts.caller} are rejected and lost. A deployment does not restore the policy: CloudFormation "
        "does not update resources that did not change in the template.",
        f'aws sqs set-queue-attributes --queue-url {facts.name} --attributes \'{{"Policy":"{escaped}"}}\'',
    )


def queue_exists(facts: QueueFacts) -> Result:
    """Checks that the images queue exists."""
    if facts.waiting is not None:
        return ok(f"{facts.queue} exists")
    return failed(
        Cause.QUEUE_MISSING,
        f"the queue {facts.queue} does not exist",
        "It was deleted outside CloudFormation; messages that were sent to it are lost.",
        f"aws sqs create-queue --queue-name {facts.queue}  # with the attributes of template.yaml",
    )


def queue_age(facts: QueueFacts) -> Result:
    """Checks that images do not wait too long in the queue."""
    oldest = "" if facts.oldest_s is None else f", the oldest for {span(facts.oldest_s)}"
    fact = f"{facts.waiting} images waiting, {facts.in_flight} in flight (being analyzed, or to be retried){oldest}"
    measured = {
        "waitingMessages": facts.waiting,
        "inFlightMessages": facts.in_flight,
        "oldestMessageSeconds": facts.oldest_s,
    }
    if facts.oldest_s is None or facts.oldest_s <= facts.maximum_age_s:
        return ok(fact, **measured)
    return failed(
        Cause.IMAGES_WAIT,
        fact,
        "Images arrive faster than they are analyzed, or the detector throttles or fails (docs/runbook.md).",
        "make deploy ARGS='--parameter-overrides MaximumConcurrency=10'  # or a longer SamplingInterval",
        **measured,
    )


def function(facts: FunctionFacts) -> Result:
    """Checks that a function is ready and that its event source mapping invokes it."""
    return _function_state(facts) or _mapping_state(facts)


def _function_state(facts: FunctionFacts) -> Result | None:
    if facts.function_state not in ("Active", "Inactive"):
        return failed(
            Cause.FUNCTION_NOT_READY,
            f"{facts.function} {'does not exist' if facts.function_state is None else f'is {facts.function_state}'}",
            facts.reason or "Lambda cannot run it.",
            f"aws lambda get-function-configuration --function-name {facts.function} "
            "--query '[State,StateReason,LastUpdateStatus,LastUpdateStatusReason]'",
        )
    if facts.concurrency == 0:
        return failed(
            Cause.FUNCTION_THROTTLED,
            f"{facts.function} has a reserved concurrency of 0",
            "So Lambda throttles every invocation, and its events wait. The function was stopped on purpose, or by an "
            "emergency stop of the account.",
            f"aws lambda delete-function-concurrency --function-name {facts.function}",
        )
    return None


def _mapping_state(facts: FunctionFacts) -> Result:
    if facts.state is None:
        return failed(
            Cause.MAPPING_MISSING,
            f"no event source mapping from {facts.source} to {facts.function}",
            "The event source mapping or the function was deleted.",
            f"aws lambda create-event-source-mapping --function-name {facts.function} --event-source-arn {facts.source}"
            " --function-response-types ReportBatchItemFailures  # with the other properties of template.yaml",
        )
    if facts.state in _OFF:
        return failed(
            Cause.MAPPING_DISABLED,
            f"the event source mapping of {facts.function} is {facts.state}",
            f"{facts.records} wait until it is enabled again, and expire if that takes too long.",
            f"aws lambda update-event-source-mapping --uuid {facts.mapping_id} --enabled",
        )
    reason = f" ({facts.reason})" if facts.reason else ""
    return ok(f"{facts.function} is ready and its event source mapping is enabled{reason}")


def results(facts: ResultsFacts) -> Result:
    """Checks that the results stream accepts records."""
    if facts.status in ("ACTIVE", "UPDATING"):
        return ok(f"{facts.name} is {facts.status}")
    return failed(
        Cause.RESULTS_STREAM_MISSING,
        f"the results stream {facts.name} {'does not exist' if facts.status is None else f'is {facts.status}'}",
        "Images are analyzed and paid for, but their results cannot be published; they are retried for 105 minutes.",
        f"aws kinesis create-stream --stream-name {facts.name} --shard-count 1"
        if facts.status is None
        else f"aws kinesis describe-stream-summary --stream-name {facts.name}",
    )


def evidence_bucket(facts: BucketFacts) -> Result:
    """Checks that the evidence bucket exists."""
    if facts.region is not None:
        return ok(f"{facts.name} exists")
    return failed(
        Cause.EVIDENCE_BUCKET_MISSING,
        f"the bucket {facts.name} does not exist",
        "It stores the configuration document and the evidence. Nothing is analyzed while the document cannot be read.",
        f"aws s3api create-bucket --bucket {facts.name} --region {facts.stack_region}",
    )


def errors(facts: ErrorsFacts) -> Result:
    """Checks that functions had no errors, throttles or logged problems."""
    failing = [f"{name}: {count} errors" for name, count in facts.errors.items() if count]
    failing += [f"{name}: {count} throttles" for name, count in facts.throttles.items() if count]
    if not failing and not facts.problems:
        return ok(f"none in the last {facts.minutes} minutes")
    found = "; ".join([*failing, *facts.problems[-_SHOWN:]])
    return failed(
        Cause.FUNCTION_ERRORS,
        f"in the last {facts.minutes} minutes: {found}",
        "Failed work is retried; the reasons above name the cause (docs/runbook.md).",
        f"aws logs tail {facts.log_group} --since {facts.minutes}m --filter-pattern '?ERROR ?WARNING'",
    )


def dead_letters(facts: DeadLettersFacts) -> Result:
    """Checks that the dead-letter queues are empty."""
    if not facts.found:
        return ok(f"all {facts.queues} queues are empty", deadLetters=0)
    found = "; ".join(f"{one.queue}: {one.count}, one of them with reason {one.reason}" for one in facts.found)
    return failed(
        Cause.DEAD_LETTERS,
        found,
        "These messages failed permanently and are not retried automatically (docs/runbook.md, `Dead letters`).",
        "kinesight redrive --dry-run  # shows what will be sent; without --dry-run it is sent",
        deadLetters=sum(one.count for one in facts.found),
    )


def alerts(facts: TopicFacts) -> Result:
    """Checks that AlertEmail is subscribed to the alert topic and confirmed."""
    if facts.subscriptions is None:
        return _no_topic(facts)
    own = [one for one in facts.subscriptions if one.endpoint == facts.endpoint]
    subscribe = (
        f"aws sns subscribe --topic-arn {facts.topic_arn} --protocol email --notification-endpoint {facts.endpoint}"
    )
    if facts.endpoint and not own:
        return failed(
            Cause.ALERTS_UNSUBSCRIBED,
            f"AlertEmail {facts.endpoint} is not subscribed",
            "The recipient followed the unsubscribe link of an alert, or the subscription was deleted.",
            subscribe,
        )
    if facts.endpoint and not any(one.confirmed for one in own):
        return failed(
            Cause.ALERTS_UNCONFIRMED,
            f"the subscription of {facts.endpoint} is not confirmed",
            "SNS sends no alerts until the recipient follows the link in its e-mail, which may be in the spam folder. "
            "Request a new e-mail:",
            subscribe,
        )
    confirmed = sum(one.confirmed for one in facts.subscriptions)
    return ok(f"{confirmed} confirmed subscriptions", subscriptions=confirmed)


def notifications_subscription(facts: TopicFacts) -> Result:
    """Checks that the notifications queue is subscribed to the notification topic."""
    if facts.subscriptions is None:
        return _no_topic(facts)
    if any(one.endpoint == facts.endpoint and one.confirmed for one in facts.subscriptions):
        return ok("the queue is subscribed to the topic")
    return failed(
        Cause.NOTIFICATIONS_UNSUBSCRIBED,
        "the queue is not subscribed to the notification topic",
        "KVS publishes notifications, but no queue receives them.",
        f"aws sns subscribe --topic-arn {facts.topic_arn} --protocol sqs --notification-endpoint {facts.endpoint}",
    )


def _no_topic(facts: TopicFacts) -> Result:
    return failed(
        Cause.TOPIC_MISSING,
        f"the topic {facts.topic_arn} does not exist",
        "It was deleted outside CloudFormation.",
        f"aws sns create-topic --name {facts.topic_arn.rpartition(':')[2]}  # then create its subscriptions again",
    )
