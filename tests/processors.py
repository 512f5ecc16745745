"""What people have who come from elsewhere: KIT's parameters, and descriptions of stream processors."""

import json
from typing import Any

from kinesight_cli.migrate.kit import migrate_kit
from kinesight_cli.migrate.rekognition import migrate_rekognition

KIT_PARAMETERS: dict[str, Any] = {
    "AppName": "kit-cameras",
    "StreamNames": '"front-door","parking"',
    "TagFilters": '{"key":"Location","values":["Front","Parking"]}',
    "SageMakerEndpoint": "object-detection-2018",
    "EndPointAcceptContentType": "image/jpeg",
    "DockerImageRepository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/kit:V1.0.3",
    "LambdaFunctionBucket": "kit-us-east-1",
    "LambdaFunctionKey": "lambda.zip",
    "inferenceInterval": 6,
    "sageMakerTaskQueueSize": 5000,
    "sageMakerTaskThreadPoolSize": 20,
    "sageMakerTaskTimeoutInMilli": 20000,
    "sageMakerTaskThreadPoolName": "SageMakerThreadPool-%d",
}
"""Those of the documented template, with the defaults of its knobs."""

_ACCOUNT = "123456789012"


def _described(name: str, stream: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "StreamProcessorArn": f"arn:aws:rekognition:eu-west-1:{_ACCOUNT}:streamprocessor/{name}",
        "Status": "STOPPED",
        "CreationTimestamp": "2023-05-02T10:11:12.345000+00:00",
        "LastUpdateTimestamp": 1683022272.345,
        "Input": {
            "KinesisVideoStream": {"Arn": f"arn:aws:kinesisvideo:eu-west-1:{_ACCOUNT}:stream/{stream}/1683022272345"}
        },
        "RoleArn": f"arn:aws:iam::{_ACCOUNT}:role/{name}",
        **more,
    }


_HOME: dict[str, Any] = {
    "Output": {"S3Destination": {"Bucket": "doorbell-events", "KeyPrefix": "front/"}},
    "NotificationChannel": {"SNSTopicArn": f"arn:aws:sns:eu-west-1:{_ACCOUNT}:doorbell"},
    "DataSharingPreference": {"OptIn": False},
}

HOME_WITH_REGIONS = _described(
    "doorbell",
    "front-door",
    **_HOME,
    Settings={"ConnectedHome": {"Labels": ["PERSON"], "MinConfidence": 70.0}},
    KmsKeyId="1234abcd-12ab-34cd-56ef-1234567890ab",
    RegionsOfInterest=[
        {"BoundingBox": {"Left": 0.55, "Top": 0.2, "Width": 0.4, "Height": 0.8}},
        {"Polygon": [{"X": 0.0, "Y": 0.0}, {"X": 0.1, "Y": 0.0}, {"X": 0.1, "Y": 0.2}]},
    ],
)
"""People in the right of the image, or in a corner."""

HOME_WITH_PETS = _described(
    "cat-flap", "cat-flap", **_HOME, Settings={"ConnectedHome": {"Labels": ["PET"]}}, RegionsOfInterest=[]
)

FACE_SEARCH = _described(
    "staff-faces",
    "entrance",
    Output={"KinesisDataStream": {"Arn": f"arn:aws:kinesis:eu-west-1:{_ACCOUNT}:stream/faces"}},
    Settings={"FaceSearch": {"CollectionId": "staff", "FaceMatchThreshold": 85.5}},
)


def processor(**more: Any) -> str:
    """A description, changed: `Labels`, `ConnectedHome` and `FaceSearch` are settings, everything else a field."""
    home = more.pop("ConnectedHome", {"Labels": more.pop("Labels", ["PERSON"])})
    settings = {"FaceSearch": more.pop("FaceSearch")} if "FaceSearch" in more else {"ConnectedHome": home}
    return json.dumps(_described("doorbell", "front-door", **_HOME, Settings=settings) | more)


MIGRATIONS = {
    "kit": migrate_kit(json.dumps(KIT_PARAMETERS)),
    "regions": migrate_rekognition(json.dumps(HOME_WITH_REGIONS)),
    "pets": migrate_rekognition(json.dumps(HOME_WITH_PETS)),
    "all labels": migrate_rekognition(processor(Labels=["ALL"])),
    "faces": migrate_rekognition(json.dumps(FACE_SEARCH)),
    "several filters": migrate_kit(
        json.dumps(
            {
                "StreamNames": '"front"',
                "SageMakerEndpoint": "objects",
                "TagFilters": '{"key":"Some place","values":["a b","café"]},{"key":"B"}',
            }
        )
    ),
}
"""One of every kind that there is."""
