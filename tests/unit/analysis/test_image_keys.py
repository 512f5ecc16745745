"""Names that KVS gives to images, read from the right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.errors import NotAKvsImageError
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.streams.image_destination import IMAGES_PREFIX, possible_keys
from kinesight_local.kvs.undocumented import ImageJoin, joined

from tests.examples import examples

ACCOUNT = "111122223333"
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"

stream_names = st.from_regex(r"\A[a-zA-Z0-9_.-]{1,64}\Z").filter(lambda name: f"{ACCOUNT}_" not in name)
prefixes = st.one_of(st.just(""), st.text(min_size=1, max_size=40).map(lambda text: f"{text}_"))


@given(prefixes, stream_names, st.integers(0, 9_999_999_999_999), st.sampled_from(["jpg", "png", "JPG"]))
def test_any_prefix_and_any_stream_name_come_back(prefix: str, stream: str, epoch_ms: int, extension: str) -> None:
    parsed = parse_image_key(f"images/{prefix}{ACCOUNT}_{stream}_{epoch_ms}_{GUID}.{extension}", ACCOUNT)

    assert parsed.stream_name == stream
    assert to_epoch_ms(parsed.image_timestamp) == epoch_ms
    assert parsed.content_type == {"jpg": "image/jpeg", "png": "image/png"}[extension.lower()]
    assert parsed.prefix == f"images/{prefix}".rstrip("_")


@settings(max_examples=examples(25))
@given(prefixes, stream_names, st.sampled_from(ImageJoin), st.sampled_from(["images", "images/"]))
def test_every_join_of_both_destinations_is_read_found_and_announced(
    prefix: str, stream: str, join: ImageJoin, destination: str
) -> None:
    """images/NAME, images//NAME, imagesNAME, images/_NAME, images_NAME."""
    name = f"{prefix}{ACCOUNT}_{stream}_1690707290324_{GUID}.jpg"
    key = joined(join, destination, name)

    assert parse_image_key(key, ACCOUNT).stream_name == stream
    assert key in possible_keys(name)
    assert key.startswith(IMAGES_PREFIX)


def test_the_sample_of_the_developer_guide() -> None:
    parsed = parse_image_key(f"{ACCOUNT}_demo-stream_1690707290324_{GUID}.jpg", ACCOUNT)

    assert (parsed.prefix, parsed.stream_name) == ("", "demo-stream")


@pytest.mark.parametrize(
    "key",
    [
        "images/holiday.jpg",
        f"images/{ACCOUNT}_cam_1690707290324_{GUID}.gif",
        f"images/{ACCOUNT}_cam_1690707290324_not-a-guid.jpg",
        f"images/{ACCOUNT}_cam_soon_{GUID}.jpg",
        f"images/999999999999_cam_1690707290324_{GUID}.jpg",
        f"images/{ACCOUNT}__1690707290324_{GUID}.jpg",
        f"images/{ACCOUNT}_a b_1690707290324_{GUID}.jpg",
        f"images/{ACCOUNT}_mine_{ACCOUNT}_theirs_1690707290324_{GUID}.jpg",
        f"images/{ACCOUNT}_theirs_1690707290324_{GUID}.jpg/{ACCOUNT}_mine_1690707290324_{GUID}.jpg",
        "",
    ],
)
def test_other_names_are_refused_with_the_key_in_the_error(key: str) -> None:
    with pytest.raises(NotAKvsImageError, match=r"KVS|account") as caught:
        parse_image_key(key, ACCOUNT)
    assert repr(key) in str(caught.value)
