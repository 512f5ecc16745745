"""Calls that the demo counted, beside those of the formulas."""

import pytest
from kinesight_cli.estimate.call_comparison import CallComparison, call_name, compare_calls, repeated_calls
from kinesight_cli.estimate.lines import Item, Line, Work
from kinesight_cli.estimate.tables import show_calls


def test_counted_calls_get_the_names_of_the_formulas() -> None:
    assert (
        call_name("kinesight-AnalyzeImagesFunction", "dynamodb", "PutItem", "kinesight-IdempotencyTable-OL6JMLIDM24D")
        == "analyze_images dynamodb:PutItem IdempotencyTable"
    )
    assert call_name("", "s3", "PutObject", "images") == "KVS s3:PutObject images"
    assert call_name("", "sqs", "Queued", "kinesight-ImagesQueue-RKBVCHRZVIAI") == "S3 sqs:SendMessage ImagesQueue"
    assert call_name("", "kinesis", "GetRecords", "") == "kinesis:GetRecords"


def test_formulas_are_compared_call_by_call() -> None:
    items: list[Item] = [
        Line("s3.get", 24, "one", "a s3:HeadObject images", of_images=True),
        Line("s3.put", 4, "two", "a s3:PutObject images", of_images=True),
        Line("s3.put", 4, "two again", "a s3:PutObject images", of_images=True),
        Line("s3.get", 99, "batches decide", "a s3:GetObject rules"),
        Work("a", 1, 1),
    ]

    found = compare_calls(items, {"a s3:HeadObject images": 25, "a s3:GetObject rules": 1})

    assert found == [CallComparison("a s3:HeadObject images", 25, 24), CallComparison("a s3:PutObject images", 0, 8)]
    assert [one.difference_percent for one in found] == [-4.0, 100.0]
    assert repeated_calls({"a s3:HeadObject again images": 3, "a s3:HeadObject images": 25}) == 3


def test_the_demos_table_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_calls([CallComparison("a s3:HeadObject images", 25, 24.0), CallComparison("a s3:PutObject images", 75, 74.0)])

    (last,) = [line for line in capsys.readouterr().out.splitlines() if "total" in line]
    assert "100" in last
    assert "98.0" in last
    assert "-2.0 %" in last
