"""The estimate as JSON."""

from collections.abc import Sequence
from typing import Any

from kinesight_cli.estimate.alternatives import GROUPS, Column
from kinesight_cli.estimate.bill import Bill, Row
from kinesight_cli.estimate.estimator import Estimator
from kinesight_cli.estimate.remarks import remarks
from kinesight_cli.estimate.workload import described


def document(found: Estimator, columns: Sequence[Column]) -> dict[str, Any]:
    """Returns USD and units per month, of all cameras together unless a name says otherwise."""
    bill = found.bill()
    return {
        "region": found.prices.region,
        "cameras": found.workload.cameras,
        **_bill(bill, found.prices.region),
        "fullRate": _bill(found.full_rate(), found.prices.region),
        "assumptions": {name: value for name, (value, _) in described(found.workload).items()},
        "warnings": list(found.warnings(bill)),
        "saving": _saving(found, bill),
        "comparison": {one.name: _column(one) for one in columns},
    }


def _bill(bill: Bill, region: str) -> dict[str, Any]:
    return {
        "usdPerCamera": round(bill.usd_per_camera, 4),
        "usd": round(bill.usd, 4),
        "rows": [_row(row) for row in bill.rows],
        "remarks": [{"kind": kind, "text": text} for kind, text in remarks(bill, region)],
    }


def _row(row: Row) -> dict[str, Any]:
    unknown = row.assumed and {"above": row.assumed.above, "units": row.assumed.units, "assumedUsd": row.assumed.usd}
    return {
        "price": row.key,
        "units": round(row.units, 4),
        "usd": None if row.usd is None else round(row.usd, 4),
        "per": row.price.model_dump(mode="json", by_alias=True),
        "priceRegion": row.price_region,
        "unknownTier": unknown,
        "lines": [{"units": round(line.units, 4), "formula": line.why, "call": line.call} for line in row.lines],
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "usdPerCamera": round(column.bill.usd_per_camera, 4),
        "groups": {name: round(column.bill.usd_of(*keys), 4) for name, keys in GROUPS.items()},
        "notes": column.notes,
    }


def _saving(found: Estimator, bill: Bill) -> dict[str, Any] | None:
    best = found.saving(bill)
    if best is None:
        return None
    return {"parameter": best.parameter, "value": best.value, "usdPerCamera": round(best.usd_per_camera, 4)}
