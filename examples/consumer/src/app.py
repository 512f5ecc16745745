"""Keeps what was detected: for each result with detections, a JSON document and the video fragment, in BUCKET.

A Lambda function on Kinesight's results stream. It needs boto3 alone, which the runtime has. Delivery is at-least-once;
keys derive from the record, so that a second delivery writes the same objects.
"""

import base64
import json
import logging
import os
import re
from typing import Any

import boto3
from botocore.exceptions import ClientError

BUCKET = os.environ["BUCKET"]
GONE = ("ResourceNotFoundException", "NoDataRetentionException")
"""The stream was deleted, or has no retention any more."""
MISSING_FRAGMENT, BROKEN_RESPONSE = b"AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE", b"AWS_KINESISVIDEO_ERROR_CODE"
"""Names of tags with which GetMediaForFragmentList reports errors in a response that began well."""
RESULT_ID = re.compile(r"[0-9a-f]{32}")
STREAM_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
FRAGMENT = re.compile(r"[0-9]{1,128}")

log = logging.getLogger()
s3 = boto3.client("s3")
kinesis_video = boto3.client("kinesisvideo")
media_clients: dict[str, Any] = {}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handles every record of the batch, whatever happens to the others; reports those that failed."""
    failures = []
    kept_fragments: set[str] = set()
    for record in event["Records"]:
        number = record["kinesis"]["sequenceNumber"]
        try:
            keep(json.loads(base64.b64decode(record["kinesis"]["data"])), kept_fragments)
        except Exception as error:  # noqa: BLE001 - it fails this record only, and Lambda delivers it again
            log.error(json.dumps({"failed": number, "error": f"{type(error).__name__}: {error}"}))
            failures.append({"itemIdentifier": number})
    return {"batchItemFailures": failures}


def keep(result: dict[str, Any], kept_fragments: set[str]) -> None:
    """Writes what one result shows. Raises ValueError, KeyError or TypeError for a malformed record."""
    if not result["detections"]:
        return
    result_id = checked(result["resultId"], RESULT_ID)
    stream = checked(result["frame"]["streamName"], STREAM_NAME)
    fragment_key = None
    if result["frame"]["fragmentNumber"] is not None:
        fragment = checked(result["frame"]["fragmentNumber"], FRAGMENT)
        fragment_key = f"fragments/stream={stream}/{fragment}.mkv"
        if fragment_key not in kept_fragments and not keep_fragment(stream, fragment, fragment_key):
            fragment_key = None
        else:
            kept_fragments.add(fragment_key)
    document = {
        "streamName": stream,
        "imageTimestamp": result["frame"]["imageTimestamp"],
        "fragment": fragment_key,
        "detections": result["detections"],
    }
    body = json.dumps(document).encode()
    s3.put_object(Bucket=BUCKET, Key=f"detections/stream={stream}/{result_id}.json", Body=body)


def keep_fragment(stream: str, fragment: str, key: str) -> bool:
    """Whether KVS still has the fragment, which is then in the bucket."""
    try:
        response = media_client(stream).get_media_for_fragment_list(StreamName=stream, Fragments=[fragment])
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return False
        raise
    body = response["Payload"].read()
    if BROKEN_RESPONSE in body:
        raise RuntimeError(f"KVS could not read fragment {fragment} of {stream}")
    if not body or MISSING_FRAGMENT in body:
        return False
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="video/x-matroska")
    return True


def media_client(stream: str) -> Any:
    """KVS returns the endpoint for archived media per stream."""
    if stream not in media_clients:
        endpoint = kinesis_video.get_data_endpoint(StreamName=stream, APIName="GET_MEDIA_FOR_FRAGMENT_LIST")
        media_clients[stream] = boto3.client("kinesis-video-archived-media", endpoint_url=endpoint["DataEndpoint"])
    return media_clients[stream]


def checked(text: Any, pattern: re.Pattern[str]) -> str:
    """The text, which becomes part of a key."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError(f"malformed record: {text!r}")
    return text
