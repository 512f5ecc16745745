"""What the steps do: create the stream, apply settings, play the video, start the analysis."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kinesight.adapters.dynamodb.documents import partition_key
from kinesight.domain.model import from_epoch_ms, to_epoch_ms

from kinesight_cli.shared import analysis_workflow
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.new_stream import create_stream
from kinesight_cli.shared.options import SelectorChoice
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.run_analysis import range_input
from kinesight_cli.verify.run import SCHEDULED, Run, StepFailedError
from kinesight_cli.verify.temporary_stream import MARK

_ON_DEMAND_INTERVAL_MS = 2000
_MARGIN = timedelta(seconds=2)


def create(run: Run) -> None:
    """Creates the temporary stream with a retention of an hour. Raises StepFailedError if there is one of that name."""
    client, chosen = run.client("kinesisvideo"), run.deployment.stream
    try:
        create_stream(client, chosen.name, retention_hours=1, tags={MARK: run.deployment.stack, **chosen.tags})
    except client.exceptions.ResourceInUseException as error:
        raise StepFailedError(
            f"the stream {chosen.name} exists already", "pass the name of a stream that does not exist yet as --stream"
        ) from error


def configure(run: Run) -> None:
    """Invokes configure_streams. Raises StepFailedError if it could not configure the temporary stream."""
    report: Any = run.invoke("ConfigureStreamsFunction", SCHEDULED)
    run.configured_at = datetime.now(UTC)
    warnings = [one for one in report.get("warnings", ()) if run.stream in one]
    if warnings:
        raise StepFailedError(f"configure_streams: {warnings[0]}", "grant what it names, or deploy the stack again")


def conduct_live(run: Run) -> None:
    """Invokes conduct_live, which gives the stream a lease."""
    run.invoke("ConductLiveFunction", SCHEDULED)


def play_video(run: Run) -> None:
    """Sends the video, each fragment tagged for images and notifications. Raises StepFailedError."""
    tagging = Tagging(image=True, notification=run.deployment.has_notifications)
    try:
        run.sent = play(run.stream, run.video, tagging, lambda _: None, Pace(realtime=run.realtime))
    except CommandError as error:
        raise StepFailedError(str(error)) from error
    run.sent_at = datetime.now(UTC)


def start_analysis(run: Run) -> None:
    """Starts the on-demand workflow over the range of the video. Raises CommandError."""
    end = run.sent_at or datetime.now(UTC)
    begin = end - timedelta(milliseconds=float(run.video.length_ms)) - _MARGIN
    whole_ms = from_epoch_ms(to_epoch_ms(begin) // 1000 * 1000)
    selected = range_input(run.stream, whole_ms, end, _ON_DEMAND_INTERVAL_MS, SelectorChoice.PRODUCER)
    run.execution = analysis_workflow.start(run.deployment.stack, selected)


def settings_of(run: Run, operation: str, key: str) -> dict[str, Any]:
    """Returns stream settings as Describe returns them, {} if there are none."""
    client = run.client("kinesisvideo")
    try:
        found = getattr(client, operation)(StreamName=run.stream).get(key)
    except client.exceptions.ResourceNotFoundException:
        return {}
    return dict(found or {})


def has_lease(run: Run) -> bool:
    """Whether the stream has a lease for live reading."""
    arn = run.client("kinesisvideo").describe_stream(StreamName=run.stream)["StreamInfo"]["StreamARN"]
    key = {"pk": {"S": partition_key("leases", arn)}, "sk": {"S": arn}}
    table = run.deployment.id_of("CoordinationTable")
    return "Item" in run.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)


def viewer_response(run: Run) -> Any:
    """Returns the viewer's API response to a list of the stream's sessions: an object with statusCode and body."""
    path = "/api/sessions"
    return run.invoke(
        "ServeViewerFunction",
        json.dumps(
            {
                "version": "2.0",
                "routeKey": "ANY /api/{proxy+}",
                "rawPath": path,
                "rawQueryString": f"stream={run.stream}",
                "headers": {"content-type": "application/json"},
                "queryStringParameters": {"stream": run.stream},
                "pathParameters": {"proxy": "sessions"},
                "requestContext": {
                    "accountId": run.deployment.resources.account_id,
                    "apiId": MARK,
                    "authorizer": {"jwt": {"claims": {"sub": MARK, "token_use": "id"}, "scopes": None}},
                    "domainName": MARK,
                    "domainPrefix": MARK,
                    "http": {
                        "method": "GET",
                        "path": path,
                        "protocol": "HTTP/1.1",
                        "sourceIp": "192.0.2.1",
                        "userAgent": MARK,
                    },
                    "requestId": MARK,
                    "routeKey": "ANY /api/{proxy+}",
                    "stage": "$default",
                    "time": "01/Jan/2026:12:00:00 +0000",
                    "timeEpoch": to_epoch_ms(datetime.now(UTC)),
                },
                "isBase64Encoded": False,
            }
        ),
    )
