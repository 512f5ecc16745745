"""The table and queries of examples/athena on local files: DuckDB, with queries that sqlglot translates from their SQL.

It reads what Athena would: objects under the projected locations, names in lower case, the table's columns alone.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from kinesight_local.template import Document, read_template
from sqlglot import exp

TEMPLATE = read_template(Path(__file__).resolve().parents[1] / "examples/athena/template.yaml")
TABLE: Document = TEMPLATE["Resources"]["Results"]["Properties"]["TableInput"]
QUERIES = {
    name: str(resource["Properties"]["QueryString"])
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Athena::NamedQuery"
}
_OFFSET = re.compile(r"NOW(?:([+-])(\d+)(YEARS|DAYS))")
_DAYS = {"YEARS": 365, "DAYS": 1}


def columns() -> dict[str, exp.DataType]:
    """Types by column."""
    given = TABLE["StorageDescriptor"]["Columns"]
    return {one["Name"]: exp.DataType.build(one["Type"], dialect="hive") for one in given}


def projected(bucket: str, streams: str, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Location, stream and day of each partition that Athena would read without a condition."""
    parameters = TABLE["Parameters"]
    template = parameters["storage.location.template"]["Fn::Sub"]
    template = template.replace("${EvidenceBucketName}", bucket).replace("${!", "${")
    first, last = (_moment(one, now).date() for one in parameters["projection.day.range"].split(","))
    days = [f"{first + timedelta(days=n):%Y-%m-%d}" for n in range((last - first).days + 1)]
    for stream, day in product(streams.split(","), days):
        yield template.replace("${stream}", stream).replace("${day}", day), stream, day


def _moment(text: str, now: datetime) -> datetime:
    """Of a range relative to now ("Dynamic partition projection", date type)."""
    found = _OFFSET.fullmatch(text)
    assert found, text
    days = int(found[2]) * _DAYS[found[3]]
    return now + timedelta(days=-days if found[1] == "-" else days)


class Athena:
    """Runs the queries over objects of the evidence bucket."""

    def __init__(self, objects: Mapping[str, bytes], streams: str, folder: Path) -> None:
        """`objects` by key; those outside the projected locations are invisible."""
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        self.seen: set[str] = set()
        rows = folder / "rows.json"
        with rows.open("w") as file:
            for row in self._rows(objects, streams):
                file.write(json.dumps(row) + "\n")
        types = {name: one.sql("duckdb") for name, one in columns().items()} | {"stream": "VARCHAR", "day": "VARCHAR"}
        self._database.read_json(str(rows), columns=types, format="newline_delimited").create("results")

    def run(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query in Athena's SQL."""
        tree = sqlglot.parse_one(query, read="athena").transform(_with_one_list_each)
        result = self._database.execute(tree.sql("duckdb"))
        names = [one[0] for one in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _rows(self, objects: Mapping[str, bytes], streams: str) -> Iterator[dict[str, Any]]:
        for location, stream, day in projected("evidence", streams, datetime.now(UTC)):
            prefix = location.removeprefix("s3://evidence/")
            for key in [one for one in objects if one.startswith(prefix)]:
                self.seen.add(key)
                assert b"\n" not in objects[key].strip(), "the SerDe reads one document per line"
                yield _lowered(json.loads(objects[key])) | {"stream": stream, "day": day}


def _with_one_list_each(node: exp.Expr) -> exp.Expr:
    """UNNEST of several lists side by side as a subquery, because DuckDB's takes one."""
    if not isinstance(node, exp.Unnest) or len(node.expressions) == 1:
        return node
    alias = node.args["alias"]
    lists = [exp.Anonymous(this="UNNEST", expressions=[one]) for one in node.expressions]
    named = [exp.alias_(one, column.name) for one, column in zip(lists, alias.columns, strict=True)]
    return exp.select(*named).subquery(alias.name)


def _lowered(node: Any) -> Any:
    """With names in lower case, as the SerDe compares them."""
    if isinstance(node, dict):
        return {name.lower(): _lowered(value) for name, value in node.items()}
    return [_lowered(one) for one in node] if isinstance(node, list) else node
