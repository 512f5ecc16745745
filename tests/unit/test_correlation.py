"""What log lines say of a frame."""

from kinesight.domain.correlation import correlation_id, execution_of, frame_keys
from kinesight.domain.model import FrameSource, from_epoch_ms
from kinesight.domain.on_demand.executions import AnalysisRun

from tests.builders import NOON_MS, a_fragment_number, a_frame, an_image_key


def test_the_id_of_a_frame_is_its_stream_and_fragment() -> None:
    assert frame_keys(a_frame(), "r1") == {
        "result_id": "r1",
        "correlation_id": f"front-door/{a_fragment_number()}",
        "stream_name": "front-door",
        "fragment_number": a_fragment_number(),
        "image_epoch_ms": NOON_MS,
        "image_key": an_image_key(),
    }


def test_the_id_of_an_image_without_a_fragment_is_its_timestamp() -> None:
    assert correlation_id("front-door", None, from_epoch_ms(NOON_MS)) == f"front-door/@{NOON_MS}"
    assert "fragment_number" not in frame_keys(a_frame(fragment_number=None))


def test_unknown_fields_are_left_out() -> None:
    assert frame_keys(None) == {}
    assert frame_keys(None, "r1") == {"result_id": "r1"}


def test_an_image_of_an_execution_has_its_name() -> None:
    run = AnalysisRun("arn:aws:kinesisvideo:us-east-1:111122223333:stream/cam/1", "SERVER_TIMESTAMP", 1, 2, 3)
    name = run.execution_name("notified")
    image = a_frame().image.model_copy(update={"key": f"on-demand/{name}/cam/1.jpg"})

    assert frame_keys(a_frame(source=FrameSource.ON_DEMAND, image=image))["execution"] == name
    assert execution_of("images/a.jpg") == ""
