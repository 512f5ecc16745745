"""Parameters with which `kinesight local up` deploys."""

import pytest
from kinesight_cli.local.command import _parameters


@pytest.mark.parametrize(
    ("given", "viewer"),
    [
        ([], {"ViewerUserEmail": "viewer@example.com"}),
        (["ViewerUserEmail=me@example.com"], {"ViewerUserEmail": "me@example.com"}),
        (["ViewerUserEmail="], {"ViewerUserEmail": ""}),
        (["ViewerIdentityProvider=a b c d"], {"ViewerIdentityProvider": "a b c d"}),
    ],
)
def test_the_viewer_is_there_unless_its_parameters_are_given(given: list[str], viewer: dict[str, str]) -> None:
    assert _parameters(given) == {"StreamNames": "*", **viewer}


def test_streams_are_all_unless_some_are_selected() -> None:
    assert _parameters(["StreamNames=front-*"])["StreamNames"] == "front-*"
    assert "StreamNames" not in _parameters(["TagFilters=Location=Front"])
