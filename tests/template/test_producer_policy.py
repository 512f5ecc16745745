"""What a camera's credentials may write: ProducerPolicy, `kinesight camera-policy` and examples/iot-camera.yaml."""

import itertools
import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest
from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.errors import NotAKvsImageError
from kinesight_cli.camera_policy.policy import CameraStack, camera_policy
from kinesight_local.kvs.undocumented import ImageJoin, joined
from kinesight_local.template import read_template

from tests.template.choices import CHOICES, KEY_ARN
from tests.template.iam_policies import permits
from tests.template.role_grants import TEMPLATE, deployed

ACCOUNT = "111122223333"
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
BUCKET = "arn:aws:s3:::ImagesBucket"
STREAMS = f"arn:aws:kinesisvideo:us-east-1:{ACCOUNT}:stream"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:notifications"
OTHERS = ["theirs", "fron", "ront", "-front", "front-door", "Front"]

Policy = list[dict[str, Any]]


def of_stack(**parameters: str) -> Policy:
    stack = deployed(**parameters)
    found: Policy = stack.plain(stack.resources["ProducerPolicy"]["Properties"]["PolicyDocument"])["Statement"]
    return found


def of_command(stream: str = "front") -> Policy:
    place = CameraStack("aws", "us-east-1", ACCOUNT, "ImagesBucket", TOPIC, "")
    found: Policy = camera_policy(stream, place)["Statement"]
    return found


def of_example() -> Policy:
    example = read_template(TEMPLATE.parent / "examples/iot-camera.yaml")["Resources"]
    (policy,) = example["Role"]["Properties"]["Policies"]
    names = {
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": ACCOUNT,
        "ImagesBucketName": "ImagesBucket",
        "!credentials-iot:ThingName": "front",
    }

    def plain(value: Any) -> Any:
        match value:
            case {"Fn::If": [_, chosen, _]}:
                return plain(chosen)
            case {"Fn::Sub": str(text)}:
                for name, one in names.items():
                    text = text.replace(f"${{{name}}}", one)
                return text
            case {"Ref": name}:
                return name
            case dict():
                return {key: plain(one) for key, one in value.items()}
        return value

    return [plain(one) for one in policy["PolicyDocument"]["Statement"]]


POLICIES = pytest.mark.parametrize(
    "policy", [lambda: of_stack(StreamNames="front"), of_command, of_example], ids=["stack", "command", "example"]
)


def image_of(stream: str, prefix: str = "") -> str:
    return f"{BUCKET}/images/{prefix}{ACCOUNT}_{stream}_1690707290324_{GUID}.jpg"


@POLICIES
def test_a_camera_writes_its_images_under_any_prefix(policy: Callable[[], Policy]) -> None:
    statements = policy()

    for prefix in ("", "porch_", "7f/", "a b_", "Türe_"):
        assert permits(statements, "s3:PutObject", image_of("front", prefix))
    for join, destination in itertools.product(ImageJoin, ("images", "images/")):
        name = image_of("front").removeprefix(f"{BUCKET}/images/")
        assert permits(statements, "s3:PutObject", f"{BUCKET}/{joined(join, destination, name)}")
    assert permits(statements, "kinesisvideo:PutMedia", f"{STREAMS}/front/1700000000000")


@pytest.mark.parametrize("role", ["AnalyzeImagesRole", "KeepEvidenceRole", "ServeViewerRole"])
def test_functions_read_images_however_kvs_joins_their_keys(role: str) -> None:
    stack = deployed(**CHOICES["all at once"])
    readable = [resource for action, resource in stack.grants(role) if action == "s3:GetObject"]

    for join, destination in itertools.product(ImageJoin, ("images", "images/")):
        key = joined(join, destination, f"porch_{ACCOUNT}_front_1690707290324_{GUID}.jpg")
        assert any(fnmatchcase(f"ImagesBucket/{key}", one) for one in readable), key
    assert not any(fnmatchcase("ImagesBucket/images-of-others/1.jpg", one) for one in readable)


@POLICIES
@pytest.mark.parametrize("other", OTHERS)
def test_a_camera_writes_no_images_and_no_video_of_others(policy: Callable[[], Policy], other: str) -> None:
    statements = policy()

    assert not permits(statements, "s3:PutObject", image_of(other))
    assert not permits(statements, "kinesisvideo:PutMedia", f"{STREAMS}/{other}/1700000000000")
    assert not permits(statements, "s3:PutObject", image_of("front").replace(ACCOUNT, "444455556666"))


@POLICIES
def test_a_camera_writes_nothing_that_functions_write(policy: Callable[[], Policy]) -> None:
    statements = policy()

    for key in (
        "live/front/1.jpg",
        "crops/a.jpg",
        "model-input/a",
        "on-demand/sweep-1/reports/0.json",
        "on-demand/a/b",
    ):
        for forged in (key, f"{key}/images/{ACCOUNT}_front_1_{GUID}.jpg"):
            assert not permits(statements, "s3:PutObject", f"{BUCKET}/{forged}")
    for action in ("s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "kinesisvideo:GetMedia", "sns:Subscribe"):
        for resource in (BUCKET, image_of("front"), f"{STREAMS}/front/1", TOPIC):
            assert not permits(statements, action, resource)


@POLICIES
@pytest.mark.parametrize("other", [*OTHERS, "front_a"])
def test_a_key_that_the_policy_permits_names_no_other_stream_too(policy: Callable[[], Policy], other: str) -> None:
    """The camera chooses the prefix; in the policy it looks like the name."""
    tail = f"_1690707290324_{GUID}.jpg"
    keys = [f"images/{ACCOUNT}_front_{ACCOUNT}_{other}{tail}", f"images/{ACCOUNT}_front_/x_{ACCOUNT}_{other}{tail}"]

    for key in keys:
        assert permits(policy(), "s3:PutObject", f"{BUCKET}/{key}")
        with pytest.raises(NotAKvsImageError, match="twice"):
            parse_image_key(key, ACCOUNT)


@pytest.mark.parametrize(
    "names", ["front", "a,b", ",".join(f"camera-{number}" for number in range(10)), "front,yard-*"]
)
def test_the_stacks_cameras_write_images_of_named_streams_alone(names: str) -> None:
    statements = of_stack(StreamNames=names)

    for name in names.replace("*", "1").split(","):
        assert permits(statements, "s3:PutObject", image_of(name))
    for other in ("theirs", "", "_", "_theirs"):
        assert not permits(statements, "s3:PutObject", image_of(other))


def test_streams_that_are_selected_by_tag_have_no_names_in_the_policy() -> None:
    statements = of_stack(StreamNames="", TagFilters="Location=Front")

    assert permits(statements, "s3:PutObject", image_of("front"))
    assert not permits(statements, "s3:PutObject", image_of("front").replace(ACCOUNT, "444455556666"))
    assert not permits(statements, "s3:PutObject", f"{BUCKET}/on-demand/a/reports/0.json")


def test_the_longest_names_fit_into_a_managed_policy() -> None:
    """6,144 characters without blanks ("IAM and AWS STS quotas")."""
    names = ",".join(["n" * 31] * 10)
    statements = of_stack(StreamNames=names, ProducerMayCreateStreams="ENABLED", KmsKeyArn=KEY_ARN)
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))

    assert len(text.replace("ImagesBucket", "b" * 63)) + 300 < 6_144
