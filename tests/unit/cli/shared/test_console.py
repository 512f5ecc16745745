"""Text of others is printed as text."""

import pytest
from kinesight.domain.display_text import escaped
from kinesight_cli.shared.console import SafeConsole, print_error, print_lines, show
from rich.table import Table


@pytest.mark.parametrize("name", ["bad[red].mp4", "no[/x].mp4", ":smile:", "[link=https://a.example]a[/link]"])
def test_markup_characters_are_printed_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(name)
    print_error(name)
    show({"file": name})

    printed = capsys.readouterr()
    assert printed.out.count(name) == 2
    assert printed.err == f"error: {name}\n"


@pytest.mark.parametrize("sequence", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\x08", "\u202e", "\x00"])
def test_control_characters_do_not_reach_the_terminal(sequence: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(f"a{sequence}b")
    table = Table("name")
    table.add_row(f"c{sequence}d")
    SafeConsole().print(table)

    printed = capsys.readouterr().out
    assert sequence not in printed
    assert printed == escaped(printed)


def test_lines_and_tabs_stay() -> None:
    assert escaped("a\tb\nc ü €") == "a\tb\nc ü €"


@pytest.mark.parametrize("text", ["\ud800", "a\u2028b", "\ufeff", "\u200f"])
def test_what_cannot_be_encoded_or_seen_is_an_escape(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(text)
    show({"label": text})
    print_error(text)

    printed = capsys.readouterr()
    assert text not in printed.out + printed.err
    assert (printed.out + printed.err).count("\\u") == 3


def test_a_line_of_others_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines("no alert: refused\nerror: all is well")

    assert capsys.readouterr().out == "no alert: refused\\nerror: all is well\n"
