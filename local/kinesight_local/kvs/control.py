"""The control plane's operations: parameters in (as botocore's models name them), answer out. No HTTP here.

Method names are the operations'. Parameters were checked against the model before.
"""

from typing import Any

from kinesight_local.kvs import tokens
from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.quotas import Quotas
from kinesight_local.kvs.store import FragmentStore
from kinesight_local.kvs.streams import Stream, StreamKey, StreamRegistry

Parameters = dict[str, Any]
_DEFAULT_STREAMS = 10_000
_MINIMUM_INTERVAL_MS = 200


def key_of(wanted: Parameters) -> StreamKey:
    """What the request names."""
    return StreamKey(wanted.get("StreamName"), wanted.get("StreamARN"))


def check_quality(format_config: Parameters) -> None:
    """Raises InvalidArgumentError for a JPEGQuality that is no number from 1 to 100."""
    quality = format_config.get("JPEGQuality", "80")
    if not (quality.isascii() and quality.isdecimal()) or not 1 <= int(quality) <= 100:
        raise InvalidArgumentError("JPEGQuality is a number from 1 to 100.")


def named(unchecked: Parameters) -> str:
    """The stream's name in a request that nobody has checked yet; "" if there is none."""
    name, arn = unchecked.get("StreamName"), unchecked.get("StreamARN")
    return StreamKey(name if isinstance(name, str) else None, arn if isinstance(arn, str) else None).named


class ControlPlane:
    """Streams and their configurations. Everything takes effect at once; on AWS configurations take a minute."""

    def __init__(
        self, streams: StreamRegistry, store: FragmentStore, quotas: Quotas, *, region: str, data_endpoint: str
    ) -> None:
        self._streams = streams
        self._store = store
        self._quotas = quotas
        self._region = region
        self._data_endpoint = data_endpoint

    def create_stream(self, wanted: Parameters) -> Parameters:
        """The KMS key is kept and never used; the storage tier is told and changes nothing."""
        self._quotas.check_streams(self._streams.count())
        tier = wanted.get("StreamStorageConfiguration") or {}
        stream = self._streams.create(
            wanted["StreamName"],
            media_type=wanted.get("MediaType") or "",
            device_name=wanted.get("DeviceName") or "",
            kms_key_id=wanted.get("KmsKeyId") or "",
            retention_hours=wanted.get("DataRetentionInHours") or 0,
            tags=wanted.get("Tags") or {},
            storage_tier=tier.get("DefaultStorageTier", "HOT"),
        )
        return {"StreamARN": stream.arn}

    def describe_stream(self, wanted: Parameters) -> Parameters:
        """The status is always ACTIVE."""
        return {"StreamInfo": _info(self._streams.get(key_of(wanted)))}

    def list_streams(self, wanted: Parameters) -> Parameters:
        """By name; a stream created meanwhile shows on the pages still to come if its name lies there."""
        condition = wanted.get("StreamNameCondition") or {}
        after = tokens.read(wanted["NextToken"]) if wanted.get("NextToken") else ""
        rest = [one for one in self._streams.all(condition.get("ComparisonValue") or "") if one.name > after]
        page = rest[: wanted.get("MaxResults") or _DEFAULT_STREAMS]
        answer: Parameters = {"StreamInfoList": [_info(stream) for stream in page]}
        return answer | ({"NextToken": tokens.write(page[-1].name)} if len(page) < len(rest) else {})

    def delete_stream(self, wanted: Parameters) -> Parameters:
        """At once and with all media; there is no DELETING status."""
        stream = self._streams.delete(key_of(wanted), wanted.get("CurrentVersion"))
        self._store.drop(stream.arn)
        return {}

    def update_stream(self, wanted: Parameters) -> Parameters:
        """Device name and media type; what is not given stays."""
        named = {"device_name": "DeviceName", "media_type": "MediaType"}
        changes = {field: wanted[name] for field, name in named.items() if wanted.get(name)}
        self._streams.update(key_of(wanted), wanted["CurrentVersion"], **changes)
        return {}

    def update_stream_storage_configuration(self, wanted: Parameters) -> Parameters:
        """Media is kept in the same way in either tier."""
        tier = wanted["StreamStorageConfiguration"]["DefaultStorageTier"]
        self._streams.update(key_of(wanted), wanted["CurrentVersion"], storage_tier=tier)
        return {}

    def describe_stream_storage_configuration(self, wanted: Parameters) -> Parameters:
        """Complete."""
        stream = self._streams.get(key_of(wanted))
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "StreamStorageConfiguration": {"DefaultStorageTier": stream.storage_tier},
        }

    def update_data_retention(self, wanted: Parameters) -> Parameters:
        """Media older than a shorter retention is gone at once."""
        hours = wanted["DataRetentionChangeInHours"]
        sign = 1 if wanted["Operation"] == "INCREASE_DATA_RETENTION" else -1
        self._streams.change_retention(key_of(wanted), wanted["CurrentVersion"], sign * hours)
        return {}

    def tag_stream(self, wanted: Parameters) -> Parameters:
        """Keys that begin with aws: are not refused."""
        self._streams.tag(key_of(wanted), wanted["Tags"])
        return {}

    def untag_stream(self, wanted: Parameters) -> Parameters:
        """Complete."""
        self._streams.untag(key_of(wanted), wanted["TagKeyList"])
        return {}

    def list_tags_for_stream(self, wanted: Parameters) -> Parameters:
        """All of them on one page."""
        return {"Tags": self._streams.get(key_of(wanted)).tags}

    def get_data_endpoint(self, wanted: Parameters) -> Parameters:
        """One address for every API, those too that are not here."""
        self._streams.get(key_of(wanted))
        return {"DataEndpoint": self._data_endpoint}

    def update_image_generation_configuration(self, wanted: Parameters) -> Parameters:
        """Without a configuration it deletes. Whether the bucket can be written shows only on delivery."""
        configuration = wanted.get("ImageGenerationConfiguration")
        if configuration is not None:
            self._check_images(configuration)
        self._streams.configure_images(key_of(wanted), configuration)
        return {}

    def _check_images(self, configuration: Parameters) -> None:
        """The rules that only the API reference's text tells (API_ImageGenerationConfiguration)."""
        if configuration["SamplingInterval"] < _MINIMUM_INTERVAL_MS:
            raise InvalidArgumentError(f"SamplingInterval is at least {_MINIMUM_INTERVAL_MS} ms.")
        destination = configuration["DestinationConfig"]
        if destination["DestinationRegion"] != self._region:
            raise InvalidArgumentError("DestinationRegion must be the stream's Region.")
        if not destination["Uri"].startswith("s3://"):
            raise InvalidArgumentError("The image destination is an s3:// address.")
        check_quality(configuration.get("FormatConfig") or {})

    def describe_image_generation_configuration(self, wanted: Parameters) -> Parameters:
        """Complete."""
        configuration = self._streams.get(key_of(wanted)).image_generation
        return {"ImageGenerationConfiguration": configuration} if configuration else {}

    def update_notification_configuration(self, wanted: Parameters) -> Parameters:
        """Without a configuration it deletes. Whether the topic can be published to shows only on delivery."""
        configuration = wanted.get("NotificationConfiguration")
        if configuration is not None and configuration["DestinationConfig"]["Uri"].endswith(".fifo"):
            raise InvalidArgumentError("Notifications go to standard topics, not to FIFO ones.")
        self._streams.configure_notifications(key_of(wanted), configuration)
        return {}

    def describe_notification_configuration(self, wanted: Parameters) -> Parameters:
        """Complete."""
        configuration = self._streams.get(key_of(wanted)).notification
        return {"NotificationConfiguration": configuration} if configuration else {}


def _info(stream: Stream) -> Parameters:
    """Device and media type are left out where nobody gave them: by the model neither may be empty."""
    given = {"DeviceName": stream.device_name, "MediaType": stream.media_type}
    return {name: value for name, value in given.items() if value} | {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "KmsKeyId": stream.kms_key_id or "alias/aws/kinesisvideo",
        "Version": stream.version,
        "Status": "ACTIVE",
        "CreationTime": stream.created_ms / 1000,
        "DataRetentionInHours": stream.retention_hours,
    }
