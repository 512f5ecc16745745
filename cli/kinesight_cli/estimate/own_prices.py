"""Reads a price file of the user, and writes the sample of one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from kinesight_cli.estimate.prices import HOME_REGION, Price, PriceDocument, Prices, PricesError, Tier, Usd
from kinesight_cli.shared.source_text import UnreadableTextError
from kinesight_cli.shared.yaml_text import read_yaml


class _OwnPrice(PriceDocument):
    """What is left out is that of us-east-1, or of the built-in price."""

    usd: Usd | None = None
    tiers: tuple[Tier, ...] = ()
    name: str | None = None
    unit: str | None = None
    source: str = ""
    kind: str = "own"
    as_of: Annotated[str, Field(alias="asOf")] = ""
    unverified: bool = False
    note: str = ""

    @property
    def is_given(self) -> bool:
        return self.usd is not None or bool(self.tiers)

    def over(self, built_in: Price) -> Price:
        """Returns the built-in price with this one's figures and source."""
        own = self.model_dump(exclude={"name", "unit", "tiers"}) | {"tiers": self.tiers}
        named = {name: value for name in ("name", "unit") if (value := getattr(self, name)) is not None}
        return built_in.model_copy(update=own | named)


class _OwnFile(PriceDocument):
    regions: dict[str, dict[str, _OwnPrice]]
    currency: str = "USD"
    about: str = ""


def read_own_prices(path: Path, built_in: Mapping[str, Price]) -> dict[str, dict[str, Price]]:
    """Returns the prices of a file, JSON or YAML, by Region and key. Raises PricesError.

    Prices without a figure are left out, so that a sample need not be filled in completely.
    """
    try:
        file = _OwnFile.model_validate(_content(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PricesError(
            f"{path} is not a valid price file: {where}: {first['msg']}. `kinesight estimate --prices-sample` prints a "
            "valid one"
        ) from error
    if file.currency != "USD":
        raise PricesError(f"{path} has prices in {file.currency}: only USD is supported")
    unknown = sorted({key for prices in file.regions.values() for key in prices} - built_in.keys())
    if unknown:
        raise PricesError(
            f"{path} has prices that the estimate does not use: {', '.join(unknown)}. "
            "`kinesight estimate --prices-sample` prints the names that it uses"
        )
    given = {
        region: {key: one.over(built_in[key]) for key, one in prices.items() if one.is_given}
        for region, prices in file.regions.items()
    }
    return {region: prices for region, prices in given.items() if prices}


def _content(path: Path) -> Any:
    try:
        text = read_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, UnreadableTextError) as error:
        raise PricesError(f"{path} is not a valid price file: {error}") from error
    if text.problems:
        raise PricesError(f"{path} is not a valid price file: {text.problems[0][1]}")
    return text.value


def sample(region: str, prices: Prices) -> str:
    """Returns a price file to fill in: the prices that the estimate uses for the Region, or none if it has none.

    `prices`: those of the Region if there are any, else those of us-east-1.
    """
    return "\n".join(_sample_lines(region, prices)) + "\n"


def _sample_lines(region: str, prices: Prices) -> Iterator[str]:
    yield f"# Prices of {region} in USD per unit: list prices, without free tiers. Fill in `usd`, where you read it"
    yield "# (`source`) and when (`asOf`). A price without `usd` stays as it is named above it. A price that falls with"
    yield "# the amount has `tiers` instead of `usd`: tiers: [{upTo: 1000000, usd: 0.001}, {upTo: null, usd: 0.0008}]"
    yield "regions:"
    yield f"  {region}:"
    for key, price in prices.by_key.items():
        usd = "unknown" if price.first_usd is None else f"{price.first_usd:.10f}".rstrip("0").rstrip(".")
        where = prices.region_of(key) if prices.region == region else HOME_REGION
        yield f"    # {price.name}, per {price.unit}. {where}: {usd}"
        yield f'    {key}: {{usd: null, source: "", asOf: ""}}'
