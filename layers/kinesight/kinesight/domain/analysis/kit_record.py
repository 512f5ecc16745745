"""Fields that AWS's Inference Template for SageMaker ("KIT") published per frame, for consumers written for it.

Its documented consumer takes `fragmentMetaData[17:-1]`, splits it at commas and at `=`, and reads the fragment number
first and the server's timestamp second, in epoch milliseconds; `sageMakerOutput` is base64 of the endpoint's output.
Our own record's fields stand beside these, so that one stream serves both.
"""

import json
from base64 import b64encode

from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.model import Frame, to_epoch_ms


def kit_fields(frame: Frame, output: ModelOutput) -> dict[str, str]:
    """The four fields, their texts in Java's toString form. Output without bytes of its own is encoded as JSON."""
    server_ms = to_epoch_ms(frame.server_timestamp or frame.image_timestamp)
    producer_ms = to_epoch_ms(frame.producer_timestamp or frame.image_timestamp)
    number = frame.fragment_number or "null"
    return {
        "streamName": frame.stream_name,
        "fragmentMetaData": (
            f"FragmentMetadata(fragmentNumberString={number}, serverSideTimestampMillis={server_ms}, "
            f"producerSideTimestampMillis={producer_ms}, fragmentNumber={number}, success=true, errorId=0, "
            "errorCode=null, millisBehindNow=OptionalLong.empty, continuationToken=Optional.empty)"
        ),
        "frameMetaData": f"FrameMetadata(isKeyFrame=true, timeCode={to_epoch_ms(frame.image_timestamp)})",
        "sageMakerOutput": b64encode(output.raw_body or json.dumps(output.raw_output).encode()).decode(),
    }
