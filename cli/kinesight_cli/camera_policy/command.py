"""`kinesight camera-policy`: prints the IAM policy of one camera."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import errors
from kinesight_cli.shared.options import StackOption, stream_name

if TYPE_CHECKING:
    from kinesight_cli.camera_policy.policy import CameraStack

app = typer.Typer()


@app.command("camera-policy")
def camera_policy(
    stream: Annotated[str, typer.Argument(parser=stream_name, metavar="STREAM", help="Name of the camera's stream.")],
    stack: StackOption = "kinesight",
    as_json: Annotated[bool, typer.Option("--json", help="Print the policy alone, without the next step.")] = False,
) -> None:
    """Print the least IAM policy for one camera: its stream, its images, and notifications if it uses them.

    ProducerPolicy permits all streams of the stack. The policy follows the camera's settings: print it again if image
    generation or notifications are switched on for the camera."""
    from kinesight_cli.camera_policy.policy import camera_policy as policy_of

    typer.echo(json.dumps(policy_of(stream, _camera_stack(stack, stream)), indent=2))
    if not as_json:
        errors.print(
            f"Next: kinesight camera-policy {stream} --stack {stack} --json > {stream}.json\n"
            f"      aws iam put-role-policy --role-name CAMERA-ROLE --policy-name {stream} "
            f"--policy-document file://{stream}.json\n"
            "      and detach ProducerPolicy from that role",
            soft_wrap=True,
        )


def _camera_stack(stack: str, stream: str) -> "CameraStack":
    """Raises StackError, ConfigurationDocumentError, InvalidConfigurationError, ParameterError."""
    from kinesight.domain.configuration.document import ConfigurationDocument

    from kinesight_cli.camera_policy.policy import CameraStack
    from kinesight_cli.shared import configuration_document, stack_lookup

    text = configuration_document.fetch(stack)
    document = None if text is None else ConfigurationDocument.parse(text)
    configuration = stack_lookup.deployed_configuration(stack, document)
    tags = configuration_document.stream_tags(stack).get(stream, {}) if configuration.document.uses_tags else {}
    camera = configuration.of_tagged(stream, tags)
    place, ids = stack_lookup.place(stack), stack_lookup.resources(stack).ids
    return CameraStack(
        partition=place.partition,
        region=place.region,
        account_id=place.account_id,
        images_bucket=ids["ImagesBucket"] if camera.image_generation.status == "ENABLED" else "",
        topic_arn=ids["NotificationTopic"] if camera.notifications.status == "ENABLED" else "",
        key_arn=stack_lookup.parameters(stack).get("KmsKeyArn", ""),
    )
