"""Writes the demo report: summary.json, index.html and the evidence that the page shows."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord
from kinesight_local.cloud import LocalCloud

from kinesight_cli.demo.accounting import Summary

_FOLDERS = ("annotated", "archive", "results")


def write_report(folder: Path, summary: Summary, records: Sequence[ResultRecord], cloud: LocalCloud) -> None:
    """Writes the report into `folder` and replaces that of an earlier run."""
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _download(folder, cloud)
    (folder / "summary.json").write_text(json.dumps(summary.document(), indent=2) + "\n")
    (folder / "index.html").write_text(render(summary, records, folder))


def _download(folder: Path, cloud: LocalCloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["EvidenceBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            target = folder / local_path(entry["Key"])
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, entry["Key"], str(target))


def local_path(key: str) -> str:
    """Returns the key without its partitions: archive/<fragment>.mkv."""
    return f"{key.split('/', 1)[0]}/{key.rsplit('/', 1)[-1]}"


def render(summary: Summary, records: Sequence[ResultRecord], folder: Path) -> str:
    """Returns the page. Stream names, labels and tags are untrusted text and are escaped."""
    environment = Environment(loader=PackageLoader("kinesight_cli.demo"), autoescape=select_autoescape())
    matched = sorted((record for record in records if record.matched), key=lambda one: one.frame.image_timestamp)
    return environment.get_template("report.html").render(
        summary=summary, cards=[_card(record, folder) for record in matched]
    )


def _card(record: ResultRecord, folder: Path) -> dict[str, Any]:
    keys = evidence_keys(record)
    places = {"image": keys.annotated, "result": keys.result, "fragment": keys.archive}
    links = {name: local_path(key) for name, key in places.items() if key}
    return {
        "record": record,
        "time": record.frame.image_timestamp.replace(tzinfo=None).isoformat(" ", "milliseconds"),
        "links": {name: path for name, path in links.items() if (folder / path).exists()},
        "detections": [
            {"label": one.label, "confidence": round(one.confidence), "matched": one.label in record.matched_labels}
            for one in record.detections
        ],
    }
