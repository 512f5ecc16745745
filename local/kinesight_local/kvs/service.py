"""The operations: parameters in (as botocore's models name them), answer out. No HTTP here."""

import base64
import binascii
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import Any

from botocore.model import OperationModel
from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag

from kinesight_local.kvs.delivery import Delivery, Job
from kinesight_local.kvs.exceptions import InvalidArgumentError, NotImplementedHereError
from kinesight_local.kvs.images import Sampler
from kinesight_local.kvs.ingest import IngestedFragment
from kinesight_local.kvs.store import FragmentStore, StoredFragment
from kinesight_local.kvs.streams import Stream, StreamRegistry
from kinesight_local.kvs.validation import check

Parameters = dict[str, Any]
_KVS = "AWS_KINESISVIDEO_"
_DEFAULT_FRAGMENTS = 100  # the service's own default is not documented
_DEFAULT_STREAMS = 10_000
_MINIMUM_INTERVAL_MS = 200


class KvsService:
    """One account and Region, all state in `data_dir`."""

    def __init__(self, data_dir: Path, *, region: str, account_id: str, url: str) -> None:
        """`url`: what GetDataEndpoint answers."""
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = RLock()
        self._index = sqlite3.connect(data_dir / "index.sqlite", check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode=WAL")
        self._index.execute("PRAGMA synchronous=NORMAL")
        owner = f"arn:aws:kinesisvideo:{region}:{account_id}"
        self._streams = StreamRegistry(self._index, lock, owner=owner, now_ms=_now_ms)
        self._store = FragmentStore(data_dir / "fragments", self._index, lock, now_ms=_now_ms)
        self._region = region
        self._url = url
        self.delivery = Delivery(account_id, region)

    def close(self) -> None:
        self._index.close()

    def call(self, operation: str, model: OperationModel, parameters: Parameters) -> Parameters:
        """Raises KvsError."""
        check(model, parameters)
        method: Callable[[Parameters], Parameters] | None = getattr(self, f"_{_snake(operation)}", None)
        if method is None:
            raise NotImplementedHereError(f"{operation} is not part of this emulator yet.")
        return method(parameters)

    # -- streams -------------------------------------------------------------------------------------------------

    def _create_stream(self, wanted: Parameters) -> Parameters:
        stream = self._streams.create(
            wanted["StreamName"],
            media_type=wanted.get("MediaType", ""),
            device_name=wanted.get("DeviceName", ""),
            kms_key_id=wanted.get("KmsKeyId", ""),
            retention_hours=wanted.get("DataRetentionInHours", 0),
            tags=wanted.get("Tags", {}),
        )
        return {"StreamARN": stream.arn}

    def _describe_stream(self, wanted: Parameters) -> Parameters:
        return {"StreamInfo": _info(self._stream(wanted))}

    def _list_streams(self, wanted: Parameters) -> Parameters:
        condition = wanted.get("StreamNameCondition", {})
        names = self._streams.names(condition.get("ComparisonValue", ""))
        after = _untoken(wanted["NextToken"]) if wanted.get("NextToken") else ""
        rest = [name for name in names if name > after]
        page = rest[: wanted.get("MaxResults", _DEFAULT_STREAMS)]
        answer: Parameters = {"StreamInfoList": [_info(self._streams.get(name=name)) for name in page]}
        return answer | ({"NextToken": _token(page[-1])} if len(page) < len(rest) else {})

    def _delete_stream(self, wanted: Parameters) -> Parameters:
        stream = self._stream(wanted)
        self._streams.delete(stream, wanted.get("CurrentVersion"))
        self._store.sweep(stream.arn, 0)
        return {}

    def _update_data_retention(self, wanted: Parameters) -> Parameters:
        hours = wanted["DataRetentionChangeInHours"]
        sign = 1 if wanted["Operation"] == "INCREASE_DATA_RETENTION" else -1
        self._streams.change_retention(self._stream(wanted), wanted["CurrentVersion"], sign * hours)
        return {}

    def _tag_stream(self, wanted: Parameters) -> Parameters:
        self._streams.tag(self._stream(wanted), wanted["Tags"])
        return {}

    def _untag_stream(self, wanted: Parameters) -> Parameters:
        self._streams.untag(self._stream(wanted), wanted["TagKeyList"])
        return {}

    def _list_tags_for_stream(self, wanted: Parameters) -> Parameters:
        return {"Tags": self._stream(wanted).tags}

    def _get_data_endpoint(self, wanted: Parameters) -> Parameters:
        self._stream(wanted)
        return {"DataEndpoint": self._url}

    # -- configurations ------------------------------------------------------------------------------------------

    def _update_image_generation_configuration(self, wanted: Parameters) -> Parameters:
        configuration = wanted.get("ImageGenerationConfiguration")
        if configuration is not None:
            self._check_images(configuration)
        self._streams.configure_images(self._stream(wanted), configuration)
        return {}

    def _check_images(self, configuration: Parameters) -> None:
        if configuration["SamplingInterval"] < _MINIMUM_INTERVAL_MS:
            raise InvalidArgumentError(f"SamplingInterval is at least {_MINIMUM_INTERVAL_MS} ms.")
        destination = configuration["DestinationConfig"]
        if destination["DestinationRegion"] != self._region:
            raise InvalidArgumentError("DestinationRegion must be the stream's Region.")
        if not destination["Uri"].startswith("s3://"):
            raise InvalidArgumentError("The image destination is an s3:// address.")
        quality = configuration.get("FormatConfig", {}).get("JPEGQuality", "80")
        if not quality.isdecimal() or not 1 <= int(quality) <= 100:
            raise InvalidArgumentError("JPEGQuality is a number from 1 to 100.")

    def _describe_image_generation_configuration(self, wanted: Parameters) -> Parameters:
        configuration = self._stream(wanted).image_generation
        return {"ImageGenerationConfiguration": configuration} if configuration else {}

    def _update_notification_configuration(self, wanted: Parameters) -> Parameters:
        self._streams.configure_notifications(self._stream(wanted), wanted.get("NotificationConfiguration"))
        return {}

    def _describe_notification_configuration(self, wanted: Parameters) -> Parameters:
        configuration = self._stream(wanted).notification
        return {"NotificationConfiguration": configuration} if configuration else {}

    # -- media ---------------------------------------------------------------------------------------------------

    def accept(self, stream: Stream, fragment: IngestedFragment, producer_ms: int, sampler: Sampler) -> StoredFragment:
        """Persists a fragment, and hands it on if its tags ask for it; blocks while delivery is behind."""
        stored = self._store.add(stream.arn, fragment, producer_ms)
        current = self._streams.get(arn=stream.arn)
        self.delivery.count(stream.name, fragments_persisted=1)
        self.delivery.submit(Job(current, fragment, stored, sampler))
        return stored

    def stream(self, *, name: str | None, arn: str | None) -> Stream:
        """Raises InvalidArgumentError, ResourceNotFoundError."""
        return self._streams.get(name=name, arn=arn)

    def _list_fragments(self, wanted: Parameters) -> Parameters:
        stream = self._stream(wanted)
        state = json.loads(_untoken(wanted["NextToken"])) if wanted.get("NextToken") else _selection(wanted)
        found = self._store.between(stream.arn, *state["range"], retention_hours=stream.retention_hours)
        # KVS promises no order, not even across pages; reading the numbers backwards makes sure nobody relies on one.
        found.sort(key=lambda stored: stored.number[::-1])
        rest = [stored for stored in found if stored.number[::-1] > state["after"]]
        page = rest[: wanted.get("MaxResults", _DEFAULT_FRAGMENTS)]
        answer: Parameters = {"Fragments": [_fragment(stored) for stored in page]}
        if len(page) < len(rest):
            answer["NextToken"] = _token(json.dumps(state | {"after": page[-1].number[::-1]}))
        return answer

    def media(self, model: OperationModel, wanted: Parameters) -> Iterator[bytes]:
        """GetMediaForFragmentList's body, a document at a time. Checks at once, reads while it is consumed."""
        check(model, wanted)
        stream = self._stream(wanted)
        return (self._document(stream, number) for number in wanted["Fragments"])

    def _document(self, stream: Stream, number: str) -> bytes:
        stored = self._store.find(stream.arn, number, stream.retention_hours)
        try:
            header, cluster, trailer = self._store.parts(stored) if stored else (b"", b"", b"")
        except FileNotFoundError:
            stored = None
        if stored is None:
            return _missing(number)
        told = [
            Tag(f"{_KVS}FRAGMENT_NUMBER", stored.number),
            Tag(f"{_KVS}SERVER_TIMESTAMP", _seconds(stored.server_ms)),
            Tag(f"{_KVS}PRODUCER_TIMESTAMP", _seconds(stored.producer_ms)),
        ]
        return header + write.tags(told) + cluster + trailer

    def _stream(self, wanted: Parameters) -> Stream:
        return self._streams.get(name=wanted.get("StreamName"), arn=wanted.get("StreamARN"))


def _missing(number: str) -> bytes:
    told = [
        Tag(f"{_KVS}FRAGMENT_NUMBER", number),
        Tag(f"{_KVS}EXCEPTION_ERROR_CODE", "4000"),
        Tag(f"{_KVS}EXCEPTION_MESSAGE", "The fragment is not found or has expired."),
    ]
    return write.ebml_header() + write.segment_start() + write.info() + write.tags(told)


def _selection(wanted: Parameters) -> Parameters:
    selector = wanted.get("FragmentSelector")
    if selector is None:
        raise InvalidArgumentError("FragmentSelector is required without NextToken.")
    times = selector["TimestampRange"]
    start_ms, end_ms = (round(1000 * times[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms < start_ms:
        raise InvalidArgumentError("EndTimestamp lies before StartTimestamp.")
    return {"range": [selector["FragmentSelectorType"], start_ms, end_ms], "after": ""}


def _fragment(stored: StoredFragment) -> Parameters:
    return {
        "FragmentNumber": stored.number,
        "FragmentSizeInBytes": stored.cluster_bytes,
        "ProducerTimestamp": stored.producer_ms / 1000,
        "ServerTimestamp": stored.server_ms / 1000,
        "FragmentLengthInMilliseconds": stored.length_ms,
    }


def _info(stream: Stream) -> Parameters:
    return {
        "DeviceName": stream.device_name,
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "MediaType": stream.media_type,
        "KmsKeyId": stream.kms_key_id or "alias/aws/kinesisvideo",
        "Version": stream.version,
        "Status": "ACTIVE",
        "CreationTime": stream.created_ms / 1000,
        "DataRetentionInHours": stream.retention_hours,
    }


def _token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidArgumentError("NextToken is not one of this service's.") from error


def _seconds(epoch_ms: int) -> str:
    return f"{epoch_ms // 1000}.{epoch_ms % 1000:03d}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
