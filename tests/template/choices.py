"""Parameter sets under which the template is checked, and its functions."""

from kinesight.domain.detectors.catalogue import DETECTORS

from tests.template.role_grants import TEMPLATE, deployed

ROOT = TEMPLATE.parent
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
MODEL_ARN = "arn:aws:rekognition:us-east-1:111122223333:project/parts/version/v1/1767268800000"
KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/0c9e1d8e-6f0b-4a5e-9c1d-2f6a7b8c9d0e"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:kinesight-AbCdEf"
OWN_MODELS = {
    "SAGEMAKER": {"SageMakerEndpointName": "model"},
    "SAGEMAKER_ASYNC": {"SageMakerEndpointName": "model", "SageMakerAsyncOutputBucket": "async-output"},
    "HTTP": {"HttpModelUrl": "https://model.example", "HttpAuthSecretArn": SECRET_ARN},
    "BEDROCK": {"BedrockModelId": "nova"},
}
# The optional parts, and each detector.
CHOICES: dict[str, dict[str, str]] = {
    "plain": {},
    "all notifications": {"WebhookSecretArn": SECRET_ARN},
    "in a network": {"VpcSubnetIds": "subnet-0a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"},
    "under a key": {"KmsKeyArn": KEY_ARN},
    "traced": {"TracingStatus": "ENABLED"},
    "live and swept": {"LiveStatus": "ENABLED", "SweepSchedule": "rate(1 hour)"},
    "producers that create streams": {"ProducerMayCreateStreams": "ENABLED"},
    "on a budget": {"DailyBudgetUsd": "10"},
    "with the viewer": {"ViewerUserEmail": "viewer@example.com"},
    "a bucket and a topic that existed": {
        "ImagesBucketName": "shared-images",
        "NotificationTopicArn": "arn:aws:sns:us-east-1:111122223333:notifications",
    },
    "several models": {
        "SageMakerEndpointName": "model,second,third",
        "SageMakerAsyncOutputBucket": "async-output",
        "FaceCollectionId": "staff,guests",
        "CustomLabelsModelArn": f"{MODEL_ARN},{MODEL_ARN}1",
        "BedrockModelId": "nova,us.nova",
        "HttpModelUrl": "https://model.example,https://second.example",
        "HttpAuthSecretArn": f"{SECRET_ARN},{SECRET_ARN}2",
    },
    "all at once": {
        "Detector": "SAGEMAKER",
        "FaceCollectionId": "staff",
        "SageMakerEndpointName": "model",
        "CustomLabelsModelArn": MODEL_ARN,
        "KmsKeyArn": KEY_ARN,
        "WebhookSecretArn": SECRET_ARN,
        "VpcSubnetIds": "subnet-0a1b2c3d",
        "VpcSecurityGroupIds": "sg-0a1b2c3d",
        "ViewerUserEmail": "viewer@example.com",
        "TracingStatus": "ENABLED",
    },
}
FACES = {"FaceCollectionId": "staff", "CustomLabelsModelArn": MODEL_ARN}
for kind in DETECTORS:
    CHOICES[f"{kind} alone"] = {"Detector": kind} | OWN_MODELS.get(kind, FACES)


def functions_of(choice: str) -> list[str]:
    """Those that exist under a choice."""
    made = deployed(**CHOICES[choice]).of_type("AWS::Lambda::Function")
    return [one for one in FUNCTIONS if resource_of(one, "Function") in made]


def resource_of(function: str, suffix: str) -> str:
    return "".join(word.capitalize() for word in function.split("_")) + suffix
