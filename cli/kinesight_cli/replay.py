"""`kinesight replay`: what other rules would have made of what was seen."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.options import FromOption, StackOption, ToOption, console, explained, show

_SHOWN = 20


class ResultsChoice(enum.StrEnum):
    """Where the results are read."""

    STREAM = "stream"
    EVIDENCE = "evidence"


def replay(
    begin: FromOption,
    end: ToOption,
    config: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The rules document to try.")],
    stream: Annotated[str | None, typer.Option(help="One camera's results alone.")] = None,
    results: Annotated[
        ResultsChoice, typer.Option(help="Every result of the last 48 hours, or the matched ones that evidence is of.")
    ] = ResultsChoice.STREAM,
    stack: StackOption = "kinesight",
) -> None:
    """Judge stored results by another rules document, and show what would have changed. No model is called."""
    from kinesight.domain.rules.document import RulesDocument

    from kinesight_cli import stored_results
    from kinesight_cli.progress import shown_progress
    from kinesight_cli.replaying import compared, told
    from kinesight_cli.rules_documents import fetch
    from kinesight_cli.stacks import default_rules

    with explained(), shown_progress(console) as progress:
        after = RulesDocument.parse(config.read_text())
        progress.step("reading the rules of now")
        current = fetch(stack)
        before = None if current is None else RulesDocument.parse(current)
        progress.step("reading results")
        read = stored_results.of_stream if results is ResultsChoice.STREAM else stored_results.of_evidence
        records = [one for one in read(stack, begin, end) if stream in (None, one.frame.stream_name)]
        found = compared(records, default_rules(stack, before), default_rules(stack, after))
    show(
        {
            "pictures": found.pictures,
            "matched": f"{len(found.before.matched)} → {len(found.after.matched)}",
            "matchedOnlyNow": found.new_matches,
            "matchedNoMore": found.lost_matches,
            "sessions": f"{len(found.before.sessions)} → {len(found.after.sessions)}",
            "alerts": f"{found.before.alerts} → {found.after.alerts}",
        }
    )
    for title, sessions in (("New", found.new_sessions), ("Gone", found.lost_sessions)):
        for session in sessions[:_SHOWN]:
            console.print(f"{title}: {told(session)}", soft_wrap=True, highlight=False)
        if len(sessions) > _SHOWN:
            console.print(f"{title}: {len(sessions) - _SHOWN} more")
