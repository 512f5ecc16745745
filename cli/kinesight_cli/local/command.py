"""`kinesight local`: the local cloud."""

from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.shared.console import console, print_lines
from kinesight_cli.shared.kvs_options import DescribeOption, ImageJoinOption, undocumented
from kinesight_cli.shared.options import ParameterOption, pair
from kinesight_cli.shared.paths import PROJECT_DIR, STATE_DIR
from kinesight_cli.shared.serving import wait_for_interrupt, write_exports

app = typer.Typer(name="local", no_args_is_help=True, help="The local cloud: AWS on this machine.")


@app.command("up")
def up(
    parameter: ParameterOption = None,
    stream: Annotated[str, typer.Option(help="Stream to create if it does not exist.")] = "my-camera",
    data_dir: Annotated[Path, typer.Option(help="Folder of streams and logs.")] = STATE_DIR,
    image_join: ImageJoinOption = "one-slash",
    describe: DescribeOption = "as-set",
) -> None:
    """Start the local cloud and deploy the stack to it, until Ctrl-C."""
    from kinesight_local.cloud import LocalCloud

    from kinesight_cli.shared.progress import shown_progress

    behaviour = undocumented(image_join, describe)
    with LocalCloud(PROJECT_DIR, data_dir, _parameters(parameter or []), undocumented=behaviour) as cloud:
        with shown_progress(console) as progress:
            cloud.ensure_stream(stream)
            cloud.deploy(progress.step)
        environment = data_dir / "env"
        write_exports(environment, cloud.endpoints)
        print_lines(
            *(f"{name}: {value}" for name, value in cloud.outputs.items()),
            "",
            "Ready, until Ctrl-C. In another shell:",
            f"  source {environment}",
            f"  kinesight put-video {stream} FILE --tag image",
            "A new stream is attached within five minutes.",
            *([f"Viewer: {cloud.outputs['ViewerUrl']}"] if "ViewerUrl" in cloud.outputs else []),
        )
        wait_for_interrupt()


def _parameters(overrides: list[str]) -> dict[str, str]:
    chosen = dict(pair(text) for text in overrides)
    if not {"StreamNames", "TagFilters"} & set(chosen):
        chosen["StreamNames"] = "*"
    if not {"ViewerUserEmail", "ViewerIdentityProvider"} & set(chosen):
        chosen["ViewerUserEmail"] = "viewer@example.com"  # the local cloud has a token instead of users
    return chosen
