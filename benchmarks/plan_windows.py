"""Planning a backfill: how long it takes, and how near the plan comes to what GetImages' quotas allow.

    python benchmarks/plan_windows.py

The limit is 500 media points a second per stream, one an image; a call costs a point for every image that its page
may hold, and 400 more of 10,000 metadata points. So 500 images a second is the best that any plan can do.
"""

import time
import tracemalloc

from kinesight.domain.on_demand.messages import WINDOWS
from kinesight.domain.on_demand.windows import PAGE, Grid, Window, plan_windows
from kinesight.domain.ports import FragmentSpan

_MEDIA_POINTS_PER_S = 500
_METADATA_POINTS_PER_S = 10_000
_METADATA_PER_CALL = 400


def recording(hours: int, fragment_ms: int) -> list[FragmentSpan]:
    """Without gaps."""
    return [FragmentSpan(str(10**46 + start), start, fragment_ms) for start in range(0, hours * 3_600_000, fragment_ms)]


def shortest_s(windows: list[Window]) -> float:
    """How long the quotas make the calls take: each page costs the images it may hold."""
    media = metadata = 0
    for window in windows:
        for request in window.requests:
            moments = (request.end_ms - request.start_ms) // request.interval_ms + 1
            calls, page = -(-moments // PAGE), min(PAGE, moments)
            media += calls * page
            metadata += calls * (_METADATA_PER_CALL + page)
    return max(media / _MEDIA_POINTS_PER_S, metadata / _METADATA_POINTS_PER_S)


def main() -> None:
    print(
        f"{'range':>6} {'fragments':>10} {'interval':>9}   {'planned in':>10} {'windows':>8} {'images/s':>11}  of 500"
    )
    for hours, fragment_ms, interval_ms in ((24, 2000, 1000), (24, 2000, 200), (24, 4000, 1000), (168, 2000, 1000)):
        fragments = recording(hours, fragment_ms)
        grid = Grid(0, hours * 3_600_000 - 1, interval_ms)
        began = time.perf_counter()
        windows = plan_windows(grid, fragments)
        body = WINDOWS.dump_json(windows)
        spent = time.perf_counter() - began
        slots = sum(run.count for window in windows for request in window.requests for run in request.runs)
        rate = slots / shortest_s(windows)
        print(
            f"{hours:>4} h {fragment_ms:>7} ms {interval_ms:>6} ms   {spent:>8.2f} s {len(windows):>8} {rate:>11.0f}"
            f"  {rate / _MEDIA_POINTS_PER_S:.2f}   ({len(body) / 1e6:.1f} MB in S3)"
        )
    tracemalloc.start()
    plan_windows(Grid(0, 168 * 3_600_000 - 1, 1000), recording(168, 2000))
    print(f"memory at its most for the week: {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
