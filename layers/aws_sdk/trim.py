"""Takes out of an installed botocore what no function reads: the data of other services, and documentation.

    python3.13 trim.py FOLDER

botocore brings the models of more than 400 services, compressed and with their documentation. Reading those of a few
clients is most of the time that boto3 takes to start.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

SERVICES = (
    "bedrock-runtime",
    "dynamodb",
    "events",
    "iot",
    "iot-data",
    "kinesis",
    "kinesis-video-archived-media",
    "kinesis-video-media",
    "kinesisvideo",
    "lambda",
    "rekognition",
    "s3",
    "sagemaker-runtime",
    "secretsmanager",
    "sns",
    "sqs",
    "stepfunctions",
)
"""Every client of kinesight/adapters/aws/clients.py."""


def main(arguments: list[str]) -> None:
    data = Path(arguments[0]) / "botocore/data"
    if not data.is_dir():
        sys.exit(f"{data} is missing: install requirements.txt into the folder first")
    trim(data)


def trim(data: Path) -> None:
    """Leaves SERVICES in botocore's data, as JSON without documentation. Exits if one of them is missing."""
    for folder in [one for one in data.iterdir() if one.is_dir() and one.name not in SERVICES]:
        shutil.rmtree(folder)
    missing = set(SERVICES) - {one.name for one in data.iterdir()}
    if missing:
        sys.exit(f"botocore has no data of {', '.join(sorted(missing))}")
    prefixes = set(SERVICES)
    for file in sorted(data.glob("*/*/*")):
        prefixes |= _rewrite(file)
    _trim_endpoints(data / "endpoints.json", prefixes)


def _rewrite(file: Path) -> set[str]:
    """Returns the endpoint prefixes that a service model names."""
    if file.name.startswith("examples-"):
        file.unlink()
        return set()
    is_compressed = file.suffix == ".gz"
    content = json.loads(gzip.decompress(file.read_bytes()) if is_compressed else file.read_bytes())
    if is_compressed:
        file.unlink()
    _write(file.with_suffix("") if is_compressed else file, _without_documentation(content))
    metadata = content.get("metadata", {})
    return {metadata[name] for name in ("endpointPrefix", "signingName") if name in metadata}


def _without_documentation(node: Any) -> Any:
    """A text is documentation; a member of that name is a mapping. botocore requires that of clientContextParams."""
    if isinstance(node, dict):
        return {
            key: value if key == "clientContextParams" else _without_documentation(value)
            for key, value in node.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return [_without_documentation(one) for one in node] if isinstance(node, list) else node


def _trim_endpoints(file: Path, prefixes: set[str]) -> None:
    content = json.loads(file.read_bytes())
    for partition in content["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in prefixes}
    _write(file, content)


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    main(sys.argv[1:])
