"""The control plane: streams and their settings.

Methods are named after the operations. Their parameters have been validated against botocore's model.
"""

from typing import Any

from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.operations import tokens
from kinesight_local.kvs.quotas import Quotas
from kinesight_local.kvs.storage.fragment_store import FragmentStore
from kinesight_local.kvs.storage.streams import Stream, StreamKey, StreamRegistry
from kinesight_local.kvs.undocumented import Describe, described

Parameters = dict[str, Any]
_DEFAULT_STREAMS = 10_000
_MINIMUM_INTERVAL_MS = 200


def key_of(request: Parameters) -> StreamKey:
    """The stream that a request names."""
    return StreamKey(request.get("StreamName"), request.get("StreamARN"))


def check_quality(format_config: Parameters) -> None:
    """Raises InvalidArgumentError for a JPEGQuality that is not a number from 1 to 100."""
    quality = format_config.get("JPEGQuality", "80")
    if not (quality.isascii() and quality.isdecimal()) or not 1 <= int(quality) <= 100:
        raise InvalidArgumentError("JPEGQuality must be a number from 1 to 100.")


def stream_name_of(unchecked: Parameters) -> str:
    """The stream's name in a request that has not been validated; "" if there is none."""
    name, arn = unchecked.get("StreamName"), unchecked.get("StreamARN")
    return StreamKey(name if isinstance(name, str) else None, arn if isinstance(arn, str) else None).stream_name


class ControlPlane:
    """Streams and their settings. All changes take effect at once; AWS takes a minute for images and notifications."""

    def __init__(
        self,
        streams: StreamRegistry,
        store: FragmentStore,
        quotas: Quotas,
        *,
        region: str,
        data_endpoint: str,
        describe: Describe,
    ) -> None:
        self._describe = describe
        self._streams = streams
        self._store = store
        self._quotas = quotas
        self._region = region
        self._data_endpoint = data_endpoint

    def create_stream(self, request: Parameters) -> Parameters:
        """The KMS key and the storage tier are stored and returned, but have no effect."""
        self._quotas.check_streams(self._streams.count())
        tier = request.get("StreamStorageConfiguration") or {}
        stream = self._streams.create(
            request["StreamName"],
            media_type=request.get("MediaType") or "",
            device_name=request.get("DeviceName") or "",
            kms_key_id=request.get("KmsKeyId") or "",
            retention_hours=request.get("DataRetentionInHours") or 0,
            tags=request.get("Tags") or {},
            storage_tier=tier.get("DefaultStorageTier", "HOT"),
        )
        return {"StreamARN": stream.arn}

    def describe_stream(self, request: Parameters) -> Parameters:
        """The status is always ACTIVE."""
        return {"StreamInfo": _info(self._streams.get(key_of(request)))}

    def list_streams(self, request: Parameters) -> Parameters:
        """Sorted by name. A stream created between two pages is listed if its name sorts after the first."""
        condition = request.get("StreamNameCondition") or {}
        after = tokens.read(request["NextToken"]) if request.get("NextToken") else ""
        rest = [one for one in self._streams.all(condition.get("ComparisonValue") or "") if one.name > after]
        page = rest[: request.get("MaxResults") or _DEFAULT_STREAMS]
        response: Parameters = {"StreamInfoList": [_info(stream) for stream in page]}
        return response | ({"NextToken": tokens.write(page[-1].name)} if len(page) < len(rest) else {})

    def delete_stream(self, request: Parameters) -> Parameters:
        """Deletes the stream with all its media at once; there is no DELETING status."""
        stream = self._streams.delete(key_of(request), request.get("CurrentVersion"))
        self._store.drop(stream.arn)
        return {}

    def update_stream(self, request: Parameters) -> Parameters:
        """Changes device name and media type; omitted parameters leave them unchanged."""
        parameters = {"device_name": "DeviceName", "media_type": "MediaType"}
        changes = {field: request[name] for field, name in parameters.items() if request.get(name)}
        self._streams.update(key_of(request), request["CurrentVersion"], **changes)
        return {}

    def update_stream_storage_configuration(self, request: Parameters) -> Parameters:
        """Both tiers store media in the same way."""
        tier = request["StreamStorageConfiguration"]["DefaultStorageTier"]
        self._streams.update(key_of(request), request["CurrentVersion"], storage_tier=tier)
        return {}

    def describe_stream_storage_configuration(self, request: Parameters) -> Parameters:
        """All fields."""
        stream = self._streams.get(key_of(request))
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "StreamStorageConfiguration": {"DefaultStorageTier": stream.storage_tier},
        }

    def update_data_retention(self, request: Parameters) -> Parameters:
        """After a decrease, older media is unreadable at once."""
        hours = request["DataRetentionChangeInHours"]
        sign = 1 if request["Operation"] == "INCREASE_DATA_RETENTION" else -1
        self._streams.change_retention(key_of(request), request["CurrentVersion"], sign * hours)
        return {}

    def tag_stream(self, request: Parameters) -> Parameters:
        """Accepts keys that begin with aws:, which AWS reserves."""
        self._streams.tag(key_of(request), request["Tags"])
        return {}

    def untag_stream(self, request: Parameters) -> Parameters:
        """Ignores keys that the stream does not have."""
        self._streams.untag(key_of(request), request["TagKeyList"])
        return {}

    def list_tags_for_stream(self, request: Parameters) -> Parameters:
        """All tags on one page."""
        return {"Tags": self._streams.get(key_of(request)).tags}

    def get_data_endpoint(self, request: Parameters) -> Parameters:
        """The same endpoint for every API, including those that the emulator does not have."""
        self._streams.get(key_of(request))
        return {"DataEndpoint": self._data_endpoint}

    def update_image_generation_configuration(self, request: Parameters) -> Parameters:
        """Without a configuration, deletes the current one. Does not check whether the bucket is writable."""
        configuration = request.get("ImageGenerationConfiguration")
        if configuration is not None:
            self._check_images(configuration)
        self._streams.configure_images(key_of(request), configuration)
        return {}

    def _check_images(self, configuration: Parameters) -> None:
        """Rules that are in the API reference but not in the model (API_ImageGenerationConfiguration)."""
        if configuration["SamplingInterval"] < _MINIMUM_INTERVAL_MS:
            raise InvalidArgumentError(f"SamplingInterval must be at least {_MINIMUM_INTERVAL_MS} ms.")
        destination = configuration["DestinationConfig"]
        if destination["DestinationRegion"] != self._region:
            raise InvalidArgumentError("DestinationRegion must be the stream's Region.")
        if not destination["Uri"].startswith("s3://"):
            raise InvalidArgumentError("The image destination must be an s3:// URI.")
        check_quality(configuration.get("FormatConfig") or {})

    def describe_image_generation_configuration(self, request: Parameters) -> Parameters:
        """All fields, as `describe` has them."""
        configuration = self._streams.get(key_of(request)).image_generation
        return {"ImageGenerationConfiguration": described(self._describe, configuration)} if configuration else {}

    def update_notification_configuration(self, request: Parameters) -> Parameters:
        """Without a configuration, deletes the current one. Does not check whether the topic accepts messages."""
        configuration = request.get("NotificationConfiguration")
        if configuration is not None and configuration["DestinationConfig"]["Uri"].endswith(".fifo"):
            raise InvalidArgumentError("The notification topic must be a standard topic, not a FIFO topic.")
        self._streams.configure_notifications(key_of(request), configuration)
        return {}

    def describe_notification_configuration(self, request: Parameters) -> Parameters:
        """All fields, as `describe` has them."""
        configuration = self._streams.get(key_of(request)).notification
        return {"NotificationConfiguration": described(self._describe, configuration)} if configuration else {}


def _info(stream: Stream) -> Parameters:
    """Omits an empty device name or media type: the model allows neither."""
    optional = {"DeviceName": stream.device_name, "MediaType": stream.media_type}
    return {name: value for name, value in optional.items() if value} | {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "KmsKeyId": stream.kms_key_id or "alias/aws/kinesisvideo",
        "Version": stream.version,
        "Status": "ACTIVE",
        "CreationTime": stream.created_ms / 1000,
        "DataRetentionInHours": stream.retention_hours,
    }
