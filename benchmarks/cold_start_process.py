"""One cold start, in a process of its own: `python -S cold_start_process.py` with PYTHONPATH as on Lambda.

Without arguments it prints the floor: processor seconds to import boto3 and to create four clients. With the file
of a sample event it prints those of the imports, of the first invocation and of the second one.
"""

import sys
import time
from pathlib import Path


def floor() -> list[float]:
    """boto3 and four clients, as small functions have them."""
    import boto3

    for service in ("s3", "dynamodb", "sqs", "kinesis"):
        boto3.client(service)
    return [time.process_time()]


def function(event_file: str) -> list[float]:
    """Processor seconds since the process began: after the imports, the first invocation and the second one."""
    from app import handler

    moments = [time.process_time()]
    import cold_start_aws

    event = cold_start_aws.prepare(event_file)
    context = cold_start_aws.Context(Path(event_file).parent.name)
    for _ in range(2):
        began = time.process_time()
        try:
            handler(event, context)
        except Exception as error:  # noqa: BLE001 - the empty account fails some; what it loaded is measured
            sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        moments.append(time.process_time() - began)
    return moments


if __name__ == "__main__":
    measured = function(*sys.argv[1:]) if sys.argv[1:] else floor()
    sys.__stdout__.write("\n" + " ".join(map(str, measured)) + "\n")  # type: ignore[union-attr]
