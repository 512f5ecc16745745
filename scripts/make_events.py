"""Writes events/: the samples that `sam local invoke`, the tests and the documentation share."""

import base64
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent / "events"
BUCKET = "kinesight-images-sample"
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
SESSION_KEY = "001767268800000-2c26b46b68ffc68f"
NUMBER = "91343852333181432392682062683809941735529748907"


def image_key(prefix: str = "", extension: str = "jpg") -> str:
    return f"images/{prefix}123456789012_front-door_1767268800000_{GUID}.{extension}"


def s3_body(encoded_key: str, size: int = 48_213) -> str:
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T12:00:01.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "images",
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {"key": encoded_key, "size": size, "eTag": "d41d8cd98f00b204e9800998ecf8427e"},
        },
    }
    return json.dumps({"Records": [record]})


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-0000-0000-{index:012d}",
                "receiptHandle": "sample",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1767268801000"},
                "messageAttributes": {},
                "md5OfBody": "d41d8cd98f00b204e9800998ecf8427e",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:images",
                "awsRegion": "us-east-1",
            }
            for index, body in enumerate(bodies)
        ]
    }


def result_record(number: str | None = NUMBER) -> bytes:
    record = {
        "schemaVersion": 1,
        "resultId": "2c26b46b68ffc68ff99b453c1d304134",
        "frame": {
            "source": "image-generation",
            "streamName": "front-door",
            "streamArn": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/front-door/1767000000000",
            "fragmentNumber": number,
            "imageTimestamp": "2026-01-01T12:00:00.000Z",
            "producerTimestamp": "2026-01-01T12:00:00.000Z",
            "serverTimestamp": "2026-01-01T12:00:00.500Z",
            "image": {
                "bucket": BUCKET,
                "key": image_key(),
                "contentType": "image/jpeg",
                "sizeBytes": 48213,
                "width": None,
                "height": None,
            },
            "tags": {"place": "porch"},
        },
        "detector": {"type": "rekognition", "operation": "DetectLabels", "modelVersion": "3.0", "latencyMs": 412},
        "detections": [
            {
                "label": "Person",
                "confidence": 97.5,
                "boundingBox": {"left": 0.25, "top": 0.25, "width": 0.5, "height": 0.5},
                "attributes": {"parents": []},
                "zones": [],
            }
        ],
        "matched": True,
        "matchedLabels": ["Person"],
        "rawOutput": None,
    }
    return json.dumps(record).encode()


def kinesis_event(*data: bytes) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "front-door",
                    "sequenceNumber": f"4959033827149025660855969253836157109592157598913658{index:04d}",
                    "data": base64.b64encode(one).decode(),
                    "approximateArrivalTimestamp": 1767268801.5,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{index}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/sample",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/results",
            }
            for index, one in enumerate(data)
        ]
    }


def custom_resource(kind: str) -> dict[str, Any]:
    request = {
        "RequestType": kind,
        "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:configure-streams",
        "ResponseURL": "http://127.0.0.1:9/no-listener",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/kinesight/51af3dc0-da77-11e4-872e-1234567db123",
        "RequestId": "5b478341-179d-4de0-9f1e-1234567890ab",
        "LogicalResourceId": "StreamConfiguration",
        "ResourceType": "Custom::KinesightStreamConfiguration",
        "ResourceProperties": {
            "StreamNames": "front-door",
            "NotificationTopicArn": "arn:aws:sns:us-east-1:123456789012:kinesight-notifications",
        },
    }
    return request | ({} if kind == "Create" else {"PhysicalResourceId": "kinesight-stream-configuration"})


def bucket_resource(kind: str) -> dict[str, Any]:
    bucket = {"Bucket": "shared-images", "QueueArn": "arn:aws:sqs:us-east-1:123456789012:kinesight-images"}
    named = {} if kind == "Create" else {"PhysicalResourceId": "shared-images/kinesight-notification"}
    return (
        custom_resource(kind)
        | named
        | {
            "LogicalResourceId": "ImagesBucketNotification",
            "ResourceType": "Custom::KinesightBucketNotification",
            "ResourceProperties": bucket,
        }
    )


def page_resource(kind: str) -> dict[str, Any]:
    pool = "https://kinesight-sample.auth.us-east-1.amazoncognito.com"
    named = {} if kind == "Create" else {"PhysicalResourceId": "kinesight-ViewerPage"}
    return (
        custom_resource(kind)
        | named
        | {
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:publish-viewer",
            "LogicalResourceId": "ViewerPage",
            "ResourceType": "Custom::KinesightViewerPage",
            "ResourceProperties": {
                "AuthorizeUrl": f"{pool}/oauth2/authorize",
                "TokenUrl": f"{pool}/oauth2/token",
                "LogoutUrl": f"{pool}/logout",
                "ClientId": "1h57kf5cpq17m0eml12EXAMPLE",
            },
        }
    )


def http_request(method: str, path: str, query: str = "", body: Any = None, **headers: str) -> dict[str, Any]:
    """Of an HTTP API, payload format 2.0."""
    route = "ANY /api/{proxy+}"
    claims = {"sub": "5b478341-179d-4de0-9f1e-1234567890ab", "email": "me@example.com", "token_use": "id"}
    request: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **headers},
        "queryStringParameters": dict(pair.split("=") for pair in query.split("&") if pair),
        "pathParameters": {"proxy": path.removeprefix("/api/")},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"jwt": {"claims": claims, "scopes": None}},
            "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "sample",
            },
            "requestId": "sample",
            "routeKey": route,
            "stage": "$default",
            "time": "01/Jan/2026:12:00:00 +0000",
            "timeEpoch": 1767268800000,
        },
        "isBase64Encoded": False,
    }
    return request | ({} if body is None else {"body": json.dumps(body)})


PLAN: dict[str, Any] = {
    "execution": "sample",
    "streamName": "front-door",
    "streamArn": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/front-door/1767000000000",
    "selector": "PRODUCER_TIMESTAMP",
    "startMs": 1767268800000,
    "endMs": 1767268801000,
    "intervalMs": 1000,
    "format": "JPEG",
    "width": None,
    "height": None,
    "labels": None,
    "minimumConfidence": None,
    "toleratedFailurePercentage": 5,
    "bucket": BUCKET,
    "windowsKey": "on-demand/sample/windows.json",
    "windows": 1,
    "concurrency": 10,
    "slots": 2,
    "fragments": 2,
    "detector": None,
    "detects": True,
    "timelapse": None,
    "renders": False,
}
TIMELAPSE: dict[str, Any] = {
    "framesPerSecond": 10,
    "width": None,
    "height": None,
    "burnTimestamp": True,
    "videoKey": "timelapse/sample.mp4",
    "posterKey": "timelapse/sample.jpg",
}
WINDOW: dict[str, Any] = {
    "index": 0,
    "requests": [
        {
            "start_ms": 1767268800000,
            "end_ms": 1767268801000,
            "interval_ms": 1000,
            "runs": [{"fragment_number": NUMBER, "first_ms": 1767268800000, "count": 2}],
        }
    ],
}


def workflow_start(**changes: Any) -> dict[str, Any]:
    request = {
        "StreamName": "front-door",
        "StartTimestamp": "2026-01-01T12:00:00Z",
        "EndTimestamp": "2026-01-01T12:00:01Z",
        "SamplingInterval": 1000,
    }
    return {"execution": "sample", "input": request | changes}


SCHEDULED: dict[str, Any] = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-01-01T12:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/schedule"],
    "detail": {},
}


def notification(**changes: Any) -> str:
    """In SNS's envelope, as a queue gets it."""
    notice = {
        "StreamArn": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/front-door/1767000000000",
        "FragmentNumber": NUMBER,
        "FragmentStartProducerTimestamp": 1767268800000,
        "FragmentStartServerTimestamp": 1767268800500,
        "NotificationType": "PERSISTED",
        "NotificationPayload": {"place": "porch"},
    }
    envelope = {
        "Type": "Notification",
        "MessageId": "6f9b3d5e-5a52-4d0f-9d5c-0d3f4c1b2a10",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:notifications",
        "Subject": "Kinesis Video Streams Notification",
        "Message": json.dumps(notice | changes),
        "Timestamp": "2026-01-01T12:00:02.000Z",
    }
    return json.dumps(envelope)


def clip_order(**changes: Any) -> str:
    """As track_sessions sends it."""
    order = {
        "videoOf": "5f2b8a3f0c4d4d6f9a0b1c2d3e4f5a6b",
        "streamName": "front-door",
        "openedMs": 1767268800000,
        "images": 12,
        "selector": "PRODUCER_TIMESTAMP",
        "startMs": 1767268795000,
        "endMs": 1767268841000,
        "fragments": [NUMBER],
    }
    return json.dumps(order | changes)


SAMPLES: dict[str, Any] = {
    "plan_windows/valid.json": workflow_start(),
    "plan_windows/inverted_range.json": workflow_start(EndTimestamp="2026-01-01T11:00:00Z"),
    "plan_windows/wrong_field.json": workflow_start(SamplingIntervall=1000),
    "plan_windows/not_a_start.json": {"hello": "world"},
    "extract_images/valid.json": {"plan": PLAN, "window": WINDOW},
    "extract_images/not_a_window.json": {"plan": PLAN},
    "detect_objects/valid.json": {"plan": PLAN, "window": WINDOW},
    "detect_objects/not_a_window.json": {"hello": "world"},
    "summarize_range/valid.json": {"plan": PLAN},
    "summarize_range/not_a_plan.json": {"hello": "world"},
    "render_timelapse/valid.json": {
        "plan": PLAN | {"timelapse": TIMELAPSE, "renders": True},
        "progress": {"position": 0, "parts": [], "done": False},
    },
    "render_timelapse/not_asked_for.json": {"plan": PLAN, "progress": {}},
    "render_timelapse/not_a_plan.json": {"hello": "world"},
    "analyze_images/valid.json": sqs_event(s3_body(image_key())),
    "analyze_images/test_event.json": sqs_event(
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-01-01T12:00:00Z", "Bucket": BUCKET})
    ),
    "analyze_images/hostile_key.json": sqs_event(s3_body(f"images/t%C3%BCr+50%25_{image_key()[7:]}")),
    "analyze_images/not_a_kvs_image.json": sqs_event(s3_body("images/holiday.jpg")),
    "analyze_images/not_json.json": sqs_event("this is not JSON"),
    "analyze_images/not_a_batch.json": {"hello": "world"},
    "keep_evidence/valid.json": kinesis_event(result_record()),
    "keep_evidence/expired_fragment.json": kinesis_event(
        result_record("91343852333181432392682062683809941735500000000")
    ),
    "keep_evidence/not_json.json": kinesis_event(b"this is not JSON", result_record()),
    "keep_evidence/not_a_batch.json": {"hello": "world"},
    "configure_streams/create.json": custom_resource("Create"),
    "configure_streams/update.json": custom_resource("Update"),
    "configure_streams/delete.json": custom_resource("Delete"),
    "configure_streams/create_bucket_notification.json": bucket_resource("Create"),
    "configure_streams/delete_bucket_notification.json": bucket_resource("Delete"),
    "configure_streams/schedule.json": SCHEDULED,
    "configure_streams/not_an_event.json": {"hello": "world"},
    "start_analysis/valid.json": sqs_event(notification()),
    "start_analysis/not_a_stream.json": sqs_event(notification(StreamArn="front-door")),
    "start_analysis/not_json.json": sqs_event("this is not JSON", notification()),
    "start_analysis/not_a_batch.json": {"hello": "world"},
    "consume_live/valid.json": {"slot": "0000", "share": 10},
    "consume_live/not_a_start.json": {"hello": "world"},
    "conduct_live/schedule.json": SCHEDULED,
    "conduct_live/not_an_event.json": {"hello": "world"},
    "track_sessions/valid.json": kinesis_event(result_record()),
    "track_sessions/not_json.json": kinesis_event(b"this is not JSON", result_record()),
    "track_sessions/schedule.json": SCHEDULED,
    "track_sessions/not_an_event.json": {"hello": "world"},
    "archive_session/valid.json": sqs_event(clip_order()),
    "archive_session/not_a_stream.json": sqs_event(clip_order(streamName="../front door")),
    "archive_session/not_json.json": sqs_event("this is not JSON", clip_order()),
    "archive_session/not_a_batch.json": {"hello": "world"},
    "publish_viewer/create.json": page_resource("Create"),
    "publish_viewer/update.json": page_resource("Update"),
    "publish_viewer/delete.json": page_resource("Delete"),
    "publish_viewer/not_an_event.json": {"hello": "world"},
    "serve_viewer/sessions.json": http_request("GET", "/api/sessions", "stream=front-door&limit=24"),
    "serve_viewer/session.json": http_request("GET", f"/api/sessions/front-door/{SESSION_KEY}"),
    "serve_viewer/mark.json": http_request(
        "PATCH", f"/api/sessions/front-door/{SESSION_KEY}", body={"reviewed": True}, **{"if-match": '"0"'}
    ),
    "serve_viewer/hostile_path.json": http_request("GET", "/api/sessions/../../etc/passwd"),
    "serve_viewer/openapi.json": http_request("GET", "/api/openapi.json"),
    "serve_viewer/not_a_request.json": {"hello": "world"},
    "sweep_streams/schedule.json": SCHEDULED,
    "sweep_streams/not_an_event.json": {"hello": "world"},
}


def main() -> None:
    for name, event in SAMPLES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
