"""`kinesight demo`: the whole pipeline on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import console, errors, show, styled
from kinesight_cli.shared.options import JsonOption
from kinesight_cli.shared.paths import PROJECT_DIR, STATE_DIR
from kinesight_cli.shared.serving import print_exports, wait_for_interrupt

if TYPE_CHECKING:
    from kinesight_cli.demo.accounting import Summary

app = typer.Typer()


@app.command()
def demo(
    video: Annotated[
        Path | None, typer.Option(help="Your own video, in any format that FFmpeg reads. Default: a built-in sample.")
    ] = None,
    report_dir: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("demo-report"),
    keep: Annotated[bool, typer.Option(help="Leave the local cloud running until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on this machine and account for every image."""
    if as_json and keep:
        raise typer.BadParameter("--json ends with the summary, and --keep does not end: choose one")
    from kinesight_cli.demo.run import demo_cloud, run_demo
    from kinesight_cli.shared.progress import shown_progress

    with demo_cloud(PROJECT_DIR, STATE_DIR) as cloud:
        with shown_progress(errors if as_json else console) as progress:
            summary = run_demo(cloud, video, report_dir, progress)
        if as_json:
            show({**summary.document(), "report": str(report_dir / "index.html")}, as_json=True)
        else:
            _show(summary)
            console.print(f"Report: {report_dir / 'index.html'}")
            console.print(f"Viewer: {cloud.outputs['ViewerUrl']}", soft_wrap=True)
        if keep:
            console.print("The local cloud runs until Ctrl-C. To use it from another shell, set:")
            print_exports(cloud.endpoints)
            wait_for_interrupt()
        elif not as_json:
            console.print("The local cloud stops now; --keep leaves it running.")
    if summary.lost or summary.waiting:
        raise typer.Exit(1)


def _show(summary: "Summary") -> None:
    from kinesight_cli.estimate.tables import show_calls

    show({name: value for name, value in summary.document().items() if name != "calls"})
    if summary.calls:
        show_calls(summary.calls)
    if summary.waiting:
        errors.print(styled("yellow", f"{summary.waiting} images still wait: the detector is slow, or fails"))
    if summary.lost or summary.waiting:
        for problem in summary.problems:
            errors.print(styled("red", problem))
        errors.print(f"Logs of the functions: {STATE_DIR / 'logs'}")
