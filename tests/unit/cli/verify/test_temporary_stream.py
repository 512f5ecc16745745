"""The name of the temporary stream is one that the stack selects, or there is an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.streams.selection import StreamSelection
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.verify.temporary_stream import MARK, temporary_stream

from tests.examples import examples


@pytest.mark.parametrize("pattern", ["*", "camera-*", "*-cam", "a*b*c", "site-[ab]-*", "x?-*"])
def test_a_name_for_a_glob(pattern: str) -> None:
    selection = StreamSelection.read(["exact", pattern], "")

    stream = temporary_stream(selection)

    assert selection.matches_name(stream.name)
    assert MARK in stream.name
    assert stream.tags == {}


@settings(max_examples=examples(20))
@given(st.from_regex(r"[a-z.?*-]{1,12}", fullmatch=True))
def test_any_glob_gives_a_selected_name_or_an_error(pattern: str) -> None:
    selection = StreamSelection.read([pattern], "")
    try:
        stream = temporary_stream(selection)
    except CommandError:
        assert "*" not in pattern
    else:
        assert selection.matches_name(stream.name)


def test_tags_for_a_filter() -> None:
    selection = StreamSelection.read(["exact"], "Location=Front|Parking,Floor=*")

    stream = temporary_stream(selection)

    assert selection.matches_tags(stream.tags)
    assert stream.tags["Location"] == "Front"


def test_exact_names_alone_require_a_choice() -> None:
    with pytest.raises(CommandError, match="--stream"):
        temporary_stream(StreamSelection.read(["exact"], ""))


def test_a_given_name_must_be_selected() -> None:
    selection = StreamSelection.read(["exact"], "")

    assert temporary_stream(selection, "exact").name == "exact"
    with pytest.raises(CommandError, match="does not select other"):
        temporary_stream(selection, "other")
