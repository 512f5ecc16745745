"""A live consumer as a process that can be killed: the real handler, with a deployed function's environment.

`python consumer_process.py ENVIRONMENT.json SLOT SECONDS`
"""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]


def main(environment: str, slot: str, seconds: str) -> None:
    os.environ.update(json.loads(Path(environment).read_text()))
    sys.path.insert(0, str(ROOT / "functions" / "consume_live"))
    import app  # type: ignore[import-not-found]  # as Lambda imports it

    ends_at_s = time.monotonic() + float(seconds)
    context = SimpleNamespace(
        function_name="consume_live",
        memory_limit_in_mb=2048,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:consume_live",
        aws_request_id=slot,
        get_remaining_time_in_millis=lambda: max(0, round(1000 * (ends_at_s - time.monotonic()))),
    )
    app.handler({"slot": slot}, context)


if __name__ == "__main__":
    main(*sys.argv[1:])
