"""From an object that KVS image generation wrote to a Frame."""

from datetime import datetime

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.model import Frame, FrameSource, from_epoch_ms
from kinesight.domain.ports import StoredImage

_KVS = "aws_kinesisvideo_"
_FRAGMENT_NUMBER = _KVS + "fragment_number"
_PRODUCER_TIMESTAMP = _KVS + "producer_timestamp"
_SERVER_TIMESTAMP = _KVS + "server_timestamp"


def frame_of(stored: StoredImage, account_id: str, streams: StreamArns) -> Frame:
    """Reads name and metadata; the timestamps there are epoch milliseconds, every other entry is a producer's tag.

    Metadata that is missing or unreadable becomes null: the image can still be analyzed.
    Raises NotAKvsImageError if the name is not one of KVS's.
    """
    name = parse_image_key(stored.image.key, account_id)
    number = stored.metadata.get(_FRAGMENT_NUMBER, "")
    return Frame(
        source=FrameSource.IMAGE_GENERATION,
        stream_name=name.stream_name,
        stream_arn=streams.arn_of(name.stream_name),
        fragment_number=number if number.isascii() and number.isdecimal() and len(number) <= 128 else None,
        image_timestamp=name.image_timestamp,
        producer_timestamp=_moment(stored.metadata.get(_PRODUCER_TIMESTAMP)),
        server_timestamp=_moment(stored.metadata.get(_SERVER_TIMESTAMP)),
        image=stored.image,
        tags={key: value for key, value in stored.metadata.items() if not key.startswith(_KVS)},
    )


def _moment(epoch_ms: str | None) -> datetime | None:
    if epoch_ms is None or not (epoch_ms.isascii() and epoch_ms.isdecimal()) or len(epoch_ms) > 14:
        return None
    return from_epoch_ms(int(epoch_ms))
