"""`kinesight image`: one image of a camera, the quickest way to see that it works."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import print_lines, show
from kinesight_cli.shared.options import JsonOption, SelectorChoice, SelectorOption, StreamArgument, moment

if TYPE_CHECKING:
    from kinesight_cli.image.still import Still

app = typer.Typer()


@app.command()
def image(
    stream: StreamArgument,
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="WHEN",
            help="Time of the image, ISO 8601; UTC without an offset. Default: the newest fragment of the last hour.",
        ),
    ] = None,
    selector: SelectorOption = SelectorChoice.PRODUCER,
    detect: Annotated[
        bool, typer.Option("--detect", help="Call Rekognition DetectLabels with it, a paid call; no stack is needed.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="JPEG file. Default: <stream>.jpg.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Get one image of a stream from what KVS has stored, and write it to a file."""
    from kinesight_cli.image.still import detections, still, write

    found = still(stream, at, selector.value)
    path = write(found, out or Path(f"{stream}.jpg"))
    labels = detections(found) if detect else None
    if as_json:
        facts = {"stream": stream, "at": found.at.isoformat(), "file": str(path), "bytes": len(found.data)}
        show(facts | ({} if labels is None else {"detections": labels}), as_json=True)
    else:
        print_lines(*_lines(found, path, labels))


def _lines(found: "Still", path: Path, labels: "list[dict[str, object]] | None") -> Iterator[str]:
    yield f"{path}: {found.stream_name} at {found.at.isoformat()}, {len(found.data):,} bytes"
    if labels == []:
        yield "  nothing detected"
    yield from (f"  {one['confidence']:5.1f} %  {one['label']}" for one in labels or ())
