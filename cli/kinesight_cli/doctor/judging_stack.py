"""Checks of what becomes of a picture once it is written. Facts in, verdicts out."""

from kinesight.domain.health.checks import span
from kinesight.domain.health.findings import Cause, Verdict, broken, good

from kinesight_cli.doctor.facts import (
    BucketFacts,
    BucketNotificationFacts,
    DeadLettersFacts,
    ErrorsFacts,
    PolicyFacts,
    QueueFacts,
    ReaderFacts,
    ResultsFacts,
    TopicFacts,
)
from kinesight_cli.doctor.policies import allows, refusals

_SEND = "sqs:SendMessage"
_OFF = frozenset({"Disabled", "Disabling", "Deleting"})
_SHOWN = 2


def bucket_notification(facts: BucketNotificationFacts) -> Verdict:
    if facts.queue_arn in facts.told:
        return good(f"tells {facts.queue_arn.rpartition(':')[2]} of new pictures")
    configuration = (
        f'{{"QueueConfigurations":[{{"QueueArn":"{facts.queue_arn}","Events":["s3:ObjectCreated:*"],'
        f'"Filter":{{"Key":{{"FilterRules":[{{"Name":"prefix","Value":"{facts.prefix}"}}]}}}}}}]}}'
    )
    return broken(
        Cause.BUCKET_TELLS_NOBODY,
        f"{facts.bucket} does not tell the queue of new objects under {facts.prefix}",
        "A bucket has one notification configuration, so whoever put another one there took this one away. Pictures "
        "are written, and nobody hears of them; `kinesight analyze` makes up for the meantime.",
        f"aws s3api put-bucket-notification-configuration --bucket {facts.bucket} "
        f"--notification-configuration '{configuration}'",
    )


def queue_policy(facts: PolicyFacts) -> Verdict:
    return _admits(facts, "s3.amazonaws.com", "the bucket")


def notifications_queue_policy(facts: PolicyFacts) -> Verdict:
    return _admits(facts, "sns.amazonaws.com", "the topic")


def _admits(facts: PolicyFacts, service: str, who: str) -> Verdict:
    denied = refusals(facts.policy, _SEND, facts.resource)
    if not denied and allows(facts.policy, _SEND, facts.resource, service, facts.caller):
        return good(f"lets {who} send")
    policy = (
        f'{{"Version":"2012-10-17","Statement":[{{"Sid":"Mended","Effect":"Allow","Principal":{{"Service":"{service}"}},'
        f'"Action":"{_SEND}","Resource":"{facts.resource}",'
        f'"Condition":{{"ArnEquals":{{"aws:SourceArn":"{facts.caller}"}}}}}},'
        f'{{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"{facts.resource}",'
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
    )
    escaped = policy.replace('"', '\\"')
    return broken(
        Cause.QUEUE_REFUSES,
        f"its policy denies {_SEND}: {', '.join(denied)}" if denied else f"its policy does not let {who} send",
        f"Messages of {facts.caller} are refused and lost. A deployment does not put the policy back: CloudFormation "
        "leaves alone what did not change in the template.",
        f'aws sqs set-queue-attributes --queue-url {facts.place} --attributes \'{{"Policy":"{escaped}"}}\'',
    )


def queue_exists(facts: QueueFacts) -> Verdict:
    if facts.waiting is not None:
        return good(f"{facts.queue} exists")
    return broken(
        Cause.QUEUE_MISSING,
        f"there is no queue {facts.queue}",
        "It was deleted behind the stack's back; what was sent to it is lost.",
        f"aws sqs create-queue --queue-name {facts.queue}  # with the attributes of template.yaml",
    )


def queue_waits(facts: QueueFacts) -> Verdict:
    waits = "" if facts.oldest_s is None else f", the oldest for {span(facts.oldest_s)}"
    fact = f"{facts.waiting} pictures waiting, {facts.taken} being worked on{waits}"
    measured = {"waitingMessages": facts.waiting, "takenMessages": facts.taken, "oldestMessageSeconds": facts.oldest_s}
    if facts.oldest_s is None or facts.oldest_s <= facts.queue_s:
        return good(fact, **measured)
    return broken(
        Cause.PICTURES_WAIT,
        fact,
        "Pictures come faster than they are analyzed, or the detector throttles or fails (docs/runbook.md, `Pictures "
        "wait`).",
        "make deploy ARGS='--parameter-overrides MaximumConcurrency=10'  # or a longer SamplingInterval",
        **measured,
    )


def reader(facts: ReaderFacts) -> Verdict:
    if facts.function_state not in ("Active", "Inactive"):
        return broken(
            Cause.FUNCTION_NOT_READY,
            f"{facts.function} {'does not exist' if facts.function_state is None else f'is {facts.function_state}'}",
            facts.reason or "Lambda can't run it.",
            f"aws lambda get-function-configuration --function-name {facts.function} "
            "--query '[State,StateReason,LastUpdateStatus,LastUpdateStatusReason]'",
        )
    if facts.concurrency == 0:
        return broken(
            Cause.FUNCTION_THROTTLED,
            f"{facts.function} has a reserved concurrency of 0",
            "So no invocation is admitted; what it would have worked on waits. Somebody stopped it on purpose, or an "
            "account's emergency brake did.",
            f"aws lambda delete-function-concurrency --function-name {facts.function}",
        )
    if facts.state is None:
        return broken(
            Cause.MAPPING_MISSING,
            f"nothing feeds {facts.function} from {facts.source}",
            "Its event source mapping was deleted, or the function was.",
            f"aws lambda create-event-source-mapping --function-name {facts.function} --event-source-arn {facts.source}"
            " --function-response-types ReportBatchItemFailures  # and what else template.yaml has of it",
        )
    if facts.state in _OFF:
        return broken(
            Cause.MAPPING_DISABLED,
            f"the event source mapping of {facts.function} is {facts.state}",
            f"{facts.what} wait until it is enabled again, and expire if that takes too long.",
            f"aws lambda update-event-source-mapping --uuid {facts.mapping_id} --enabled",
        )
    told = f" ({facts.reason})" if facts.reason else ""
    return good(f"{facts.function} is fed{told}")


def results(facts: ResultsFacts) -> Verdict:
    if facts.status in ("ACTIVE", "UPDATING"):
        return good(f"{facts.name} is {facts.status}")
    return broken(
        Cause.RESULTS_STREAM_MISSING,
        f"the results stream {facts.name} {'does not exist' if facts.status is None else f'is {facts.status}'}",
        "Pictures are analyzed and paid for, and their results can't be kept: they are tried again for ninety minutes.",
        f"aws kinesis create-stream --stream-name {facts.name} --shard-count 1"
        if facts.status is None
        else f"aws kinesis describe-stream-summary --stream-name {facts.name}",
    )


def evidence_bucket(facts: BucketFacts) -> Verdict:
    if facts.region is not None:
        return good(f"{facts.name} exists")
    return broken(
        Cause.EVIDENCE_BUCKET_MISSING,
        f"there is no bucket {facts.name}",
        "Rules and evidence are kept there; without it nothing is analyzed, since the rules can't be read.",
        f"aws s3api create-bucket --bucket {facts.name} --region {facts.stack_region}",
    )


def errors(facts: ErrorsFacts) -> Verdict:
    failing = [f"{name}: {count} errors" for name, count in facts.errors.items() if count]
    failing += [f"{name}: {count} throttles" for name, count in facts.throttles.items() if count]
    if not failing and not facts.problems:
        return good(f"none in {facts.minutes} minutes")
    told = "; ".join([*failing, *facts.problems[-_SHOWN:]])
    return broken(
        Cause.FUNCTION_ERRORS,
        f"in {facts.minutes} minutes: {told}",
        "What failed comes again by its queue; the reasons above say what to mend (docs/runbook.md).",
        f"aws logs tail {facts.log_group} --since {facts.minutes}m --filter-pattern '?ERROR ?WARNING'",
    )


def dead_letters(facts: DeadLettersFacts) -> Verdict:
    if not facts.found:
        return good(f"all {facts.queues} queues are empty", deadLetters=0)
    told = "; ".join(f"{one.queue}: {one.count}, one of them because of {one.reason}" for one in facts.found)
    return broken(
        Cause.DEAD_LETTERS,
        told,
        "These were given up, each with its reason; nothing else waits for them (docs/runbook.md, `Dead letters`).",
        "kinesight redrive --dry-run  # what would become of each; without --dry-run they are sent again",
        deadLetters=sum(one.count for one in facts.found),
    )


def alerts(facts: TopicFacts) -> Verdict:
    if facts.subscriptions is None:
        return _no_topic(facts)
    mine = [one for one in facts.subscriptions if one.endpoint == facts.endpoint]
    subscribe = (
        f"aws sns subscribe --topic-arn {facts.topic_arn} --protocol email --notification-endpoint {facts.endpoint}"
    )
    if facts.endpoint and not mine:
        return broken(
            Cause.ALERTS_UNSUBSCRIBED,
            f"AlertEmail is {facts.endpoint}, and that is not subscribed",
            "Somebody followed the unsubscribe link below an alert, or the subscription was deleted.",
            subscribe,
        )
    if facts.endpoint and not any(one.confirmed for one in mine):
        return broken(
            Cause.ALERTS_UNCONFIRMED,
            f"the subscription of {facts.endpoint} is not confirmed",
            "SNS sends no alert before the link in its mail was followed. The mail may lie with the spam; a new one:",
            subscribe,
        )
    confirmed = sum(one.confirmed for one in facts.subscriptions)
    return good(f"{confirmed} confirmed subscriptions", subscriptions=confirmed)


def notifications_subscription(facts: TopicFacts) -> Verdict:
    if facts.subscriptions is None:
        return _no_topic(facts)
    if any(one.endpoint == facts.endpoint and one.confirmed for one in facts.subscriptions):
        return good("the queue is subscribed to the topic")
    return broken(
        Cause.NOTIFICATIONS_UNSUBSCRIBED,
        "the queue is not subscribed to the notification topic",
        "KVS's notifications are published, and reach nobody.",
        f"aws sns subscribe --topic-arn {facts.topic_arn} --protocol sqs --notification-endpoint {facts.endpoint}",
    )


def _no_topic(facts: TopicFacts) -> Verdict:
    return broken(
        Cause.TOPIC_MISSING,
        f"there is no topic {facts.topic_arn}",
        "It was deleted behind the stack's back.",
        f"aws sns create-topic --name {facts.topic_arn.rpartition(':')[2]}  # its subscriptions have to be made anew",
    )
