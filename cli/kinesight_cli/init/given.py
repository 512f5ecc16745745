"""The choices: options first, then questions, then defaults."""

from collections.abc import Callable
from dataclasses import dataclass

from kinesight.domain.display_text import escaped

from kinesight_cli.init.fleet import FleetError, Stream, producers_of, selected
from kinesight_cli.init.questions import producers, prompt, show_streams
from kinesight_cli.shared import choices as parse
from kinesight_cli.shared.choices import ChoiceError, Choices, Producers
from kinesight_cli.shared.console import errors

_WHICH = "1/5 Which cameras? Stream names or globs, separated by commas; or tags, such as Location=Front|Parking"
_NO_CAMERAS = "no cameras are selected: pass --streams front-door,parking-* or --tags Location=Front"
_TAGGING = "2/5 Do producers tag fragments for image generation? (tag, dont-tag, unknown; stock kvssink does not)"
_LABELS = "3/5 What to look for? Labels, separated by commas; `any` for anything"
_EMAIL = "4/5 Where do alerts go? An e-mail address; empty: nowhere"
_BUDGET = "5/5 What may detector calls cost a day? US dollars; none: no limit"


@dataclass(frozen=True, slots=True)
class Given:
    """Values of the options; `prompts`: whether to prompt for what is missing."""

    streams: str | None
    tags: str | None
    producers: Producers | None
    detects: bool
    labels: str | None
    email: str | None
    daily_budget: str | None
    prompts: bool

    def choices(self, known: list[Stream]) -> Choices:
        """Raises ChoiceError, FleetError."""
        names, tags = self._cameras(known)
        streams = selected(known, Choices(names, tags, Producers.UNKNOWN, "", "", None).selection)
        return Choices(
            names,
            tags,
            self._producers(streams),
            self._or_prompted(self.labels, _LABELS, _labels, parse.DEFAULT_LABELS),
            self._or_prompted(self.email, _EMAIL, parse.email, ""),
            self._or_prompted(self.daily_budget, _BUDGET, parse.daily_budget, parse.default_budget(len(streams))),
        )

    def _cameras(self, known: list[Stream]) -> tuple[str, str]:
        if self.streams is not None or self.tags is not None:
            found = parse.stream_names(self.streams or ""), parse.tag_filters(self.tags or "")
            if not any(found):
                raise ChoiceError(_NO_CAMERAS)
            return found
        if not self.prompts:
            raise ChoiceError(_NO_CAMERAS)
        show_streams(known)
        return prompt(_WHICH, _names_or_tags, "*" if known else "")

    def _producers(self, streams: list[Stream]) -> Producers:
        if self.producers is not None:
            return self.producers
        default = self._detected(streams) if self.detects else Producers.UNKNOWN
        return prompt(_TAGGING, producers, default.value) if self.prompts else default

    def _detected(self, streams: list[Stream]) -> Producers:
        try:
            return producers_of(streams)
        except FleetError as error:
            errors.print(escaped(str(error)), soft_wrap=True)
            return Producers.UNKNOWN

    def _or_prompted[T](self, given: str | None, question: str, parsed: Callable[[str], T], default: str) -> T:
        if given is not None:
            return parsed(given)
        return prompt(question, parsed, default) if self.prompts else parsed(default)


def _names_or_tags(text: str) -> tuple[str, str]:
    found = ("", parse.tag_filters(text)) if "=" in text else (parse.stream_names(text), "")
    if not any(found):
        raise ChoiceError("name at least one stream; * is all of them")
    return found


def _labels(text: str) -> str:
    return "" if text.strip().casefold() == "any" else parse.labels(text)
