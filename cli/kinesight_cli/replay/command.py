"""`kinesight replay`: applies another configuration document to stored results."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import console, errors, print_lines, show
from kinesight_cli.shared.options import FromOption, JsonOption, StackOption, ToOption

if TYPE_CHECKING:
    from kinesight_cli.replay.rules_comparison import Comparison

app = typer.Typer()

_SHOWN = 20


class ResultsChoice(enum.StrEnum):
    """Where results are read from."""

    STREAM = "stream"
    EVIDENCE = "evidence"


@app.command()
def replay(
    begin: FromOption,
    end: ToOption,
    config: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Configuration document to try, JSON or YAML.")
    ],
    stream: Annotated[str | None, typer.Option(help="Only the results of this stream.")] = None,
    results: Annotated[
        ResultsChoice,
        typer.Option(
            help="All results that the results stream still has (stream), or the matched ones that are evidence."
        ),
    ] = ResultsChoice.STREAM,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
) -> None:
    """Apply another configuration document to stored results and show what would have changed. Calls no model."""
    from kinesight.domain.configuration.document import ConfigurationDocument

    from kinesight_cli.replay import stored_results
    from kinesight_cli.replay.rules_comparison import compared, document
    from kinesight_cli.shared.configuration_document import fetch
    from kinesight_cli.shared.document_file import read_file
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.shared.stack_lookup import deployed_configuration

    with shown_progress(errors if as_json else console) as progress:
        after = read_file(config).document
        progress.step("reading the current rules")
        current = fetch(stack)
        before = None if current is None else ConfigurationDocument.parse(current)
        progress.step("reading results")
        read = stored_results.of_stream if results is ResultsChoice.STREAM else stored_results.of_evidence
        records = [one for one in read(stack, begin, end) if stream in (None, one.frame.stream_name)]
        comparison = compared(records, deployed_configuration(stack, before), deployed_configuration(stack, after))
    if as_json:
        show(document(comparison), as_json=True)
    else:
        _show(comparison)


def _show(comparison: "Comparison") -> None:
    from kinesight_cli.replay.rules_comparison import summary_line

    show(
        {
            "images": comparison.images,
            "matched": f"{len(comparison.before.matched)} → {len(comparison.after.matched)}",
            "newMatches": comparison.new_matches,
            "lostMatches": comparison.lost_matches,
            "sessions": f"{len(comparison.before.sessions)} → {len(comparison.after.sessions)}",
            "alerts": f"{comparison.before.alerts} → {comparison.after.alerts}",
        }
    )
    for title, sessions in (("New", comparison.new_sessions), ("Lost", comparison.lost_sessions)):
        for session in sessions[:_SHOWN]:
            print_lines(f"{title}: {summary_line(session)}")
        if len(sessions) > _SHOWN:
            console.print(f"{title}: {len(sessions) - _SHOWN} more")
