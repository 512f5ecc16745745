"""What Lambda bills for batches of images and records."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight_cli.estimate.batches import Batch, ImageBatch, waves, with_any
from kinesight_cli.estimate.workload import MONTH_S, Workload, assumed

WORKLOAD = assumed(["detector_seconds=0.6", "image_seconds=0.1", "further_image_seconds=0"])


def seconds(images: float, at_once: int = 5, sent: float = 1.0, **further: float) -> float:
    return ImageBatch(images, at_once, sent, **further).seconds(WORKLOAD)


def test_images_side_by_side_take_as_long_as_one() -> None:
    assert seconds(1) == seconds(5) == pytest.approx(0.7)
    assert seconds(6) == seconds(10) == pytest.approx(1.4)
    assert seconds(10, at_once=10) == pytest.approx(0.7)
    assert seconds(10, at_once=1) == pytest.approx(7.0)


def test_images_side_by_side_share_a_processor() -> None:
    batch = ImageBatch(12, 10, 1.0)

    assert batch.seconds(Workload()) == pytest.approx((0.6 + 0.1 + 9 * 0.02) + (0.6 + 0.1 + 0.02))


def test_a_gated_image_costs_no_detector_call() -> None:
    assert seconds(5, sent=0.0) == pytest.approx(0.1)
    assert seconds(1, sent=0.1) == pytest.approx(0.1 + 0.1 * 0.6)
    assert seconds(2, sent=0.5) == pytest.approx(0.1 + 0.75 * 0.6)


def test_follow_up_calls_of_an_image_are_one_after_the_other() -> None:
    assert seconds(1, followed=1.0, calls=3) == pytest.approx(0.1 + 4 * 0.6)


@given(images=st.floats(0.01, 50), at_once=st.integers(1, 50), sent=st.floats(0, 1))
def test_a_batch_is_never_longer_than_its_images_one_by_one(images: float, at_once: int, sent: float) -> None:
    one_by_one = math.ceil(images) * seconds(1, 1, sent)

    assert seconds(images, at_once, sent) <= one_by_one + 1e-9


def test_batches_grow_when_functions_do_not_keep_up() -> None:
    queue, one = Batch(10), ImageBatch(1, 5, 1.0)

    assert one.keeping_up(2.0, queue, 2, WORKLOAD).images == 1
    # Twelve images a second on two functions: five images in 0.7 s are 14 a second.
    assert one.keeping_up(12.0, queue, 2, WORKLOAD).images == 5
    assert one.keeping_up(1000.0, queue, 2, WORKLOAD).images == 10
    assert ImageBatch(20, 5, 1.0).keeping_up(1.0, queue, 2, WORKLOAD).images == 10


def test_a_window_gathers_records() -> None:
    stream = Batch(100, window_s=1.0)

    assert Batch(10).invocations(1000) == pytest.approx(1000)
    assert stream.invocations(MONTH_S) == pytest.approx(MONTH_S / 2)
    assert stream.invocations(1000 * MONTH_S) == pytest.approx(10 * MONTH_S)
    assert stream.invocations(4 * MONTH_S, shards=4) == pytest.approx(4 * MONTH_S / 2)


def test_every_poller_of_a_queue_gathers_a_batch_of_its_own() -> None:
    queue = Batch(10, window_s=10.0, pollers=5)

    assert [queue.gathered(cameras / 5) for cameras in (1, 10, 30)] == pytest.approx([1.4, 5.0, 10.0])
    assert Batch(10, pollers=5).gathered(6.0) == 1


def test_waves_are_those_of_varying_numbers() -> None:
    mean, at_once = 3.0, 2
    pmf = [math.exp(-mean) * mean**count / math.factorial(count) for count in range(60)]
    expected = sum(one * math.ceil(count / at_once) for count, one in enumerate(pmf))

    assert waves(mean, at_once) == pytest.approx(expected)
    assert waves(0.0, 8) == 0
    assert waves(0.01, 8) == pytest.approx(0.01, rel=0.01)


def test_a_camera_is_counted_once_per_batch() -> None:
    assert with_any(100, 30, 1) == pytest.approx(1, rel=0.01)
    assert with_any(100, 2, 1e6) == pytest.approx(200)
    assert with_any(0, 3, 5) == 0
