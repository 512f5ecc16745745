"""Prices: their sources, Regions, tiers of unknown price, and price files of the user."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kinesight_cli.estimate.bill import bill_of
from kinesight_cli.estimate.lines import Line
from kinesight_cli.estimate.own_prices import sample
from kinesight_cli.estimate.prices import HOME_REGION, Price, PricesError, Tier, built_in_regions, load_prices
from kinesight_cli.estimate.remarks import remarks

KINDS = {"AWS page", "copy of an AWS page", "copy of the price list", "third party", "none"}
GROUP_2 = "rekognition.image.group2"


def own(region: str) -> dict[str, Price]:
    """Prices that a Region has of its own."""
    prices = load_prices(region)
    return {key: price for key, price in prices.by_key.items() if key not in prices.borrowed}


def write(folder: Path, regions: Any, **further: Any) -> Path:
    path = folder / "prices.json"
    path.write_text(json.dumps({"regions": regions, **further}))
    return path


@pytest.mark.parametrize("region", built_in_regions())
def test_every_price_has_a_source_and_a_date_or_is_unverified(region: str) -> None:
    for key, price in own(region).items():
        assert price.as_of, key
        assert price.kind in KINDS, key
        if price.first_usd is not None and not price.unverified:
            assert price.source.startswith("https://"), key
            assert price.kind != "none", key
        if price.first_usd is None:
            assert price.unverified or key == "http.call", key


@pytest.mark.parametrize("region", built_in_regions())
def test_only_pages_of_aws_are_labelled_so(region: str) -> None:
    for key, price in own(region).items():
        if price.source:
            host = urlsplit(price.source).hostname or ""
            of_aws = host in ("aws.amazon.com", "docs.aws.amazon.com")
            assert (price.kind == "AWS page") == of_aws, key


def test_six_regions_have_prices_of_what_costs_most() -> None:
    needed = {GROUP_2, "lambda.gb_second.arm64", "kinesis.shard", "kinesis.put", "s3.put", "s3.get", "s3.storage"}
    needed |= {"dynamodb.write", "dynamodb.read", "sqs.request", "cloudwatch.logs"}
    expected = {"us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1"}

    assert expected <= set(built_in_regions())
    for region in built_in_regions():
        assert needed <= own(region).keys(), region
        assert load_prices(region).by_key.keys() == load_prices(HOME_REGION).by_key.keys()


def test_a_price_that_a_region_lacks_is_that_of_us_east_1_and_named() -> None:
    prices = load_prices("eu-central-1")
    bill = bill_of([Line("kvs.ingest", 10, "video"), Line("s3.put", 10, "images")], prices, 1)
    said = dict(remarks(bill, "eu-central-1"))

    assert prices["kvs.ingest"] == load_prices(HOME_REGION)["kvs.ingest"]
    assert (prices.region_of("kvs.ingest"), prices.region_of("s3.put")) == (HOME_REGION, "eu-central-1")
    assert prices["s3.put"].usd == 5.4e-6
    assert said["prices of us-east-1"].startswith("KVS: video sent to the stream. Their prices in eu-central-1 are not")
    assert "prices of us-east-1" not in dict(remarks(bill_of([Line("s3.put", 1, "")], prices, 1), "eu-central-1"))


def test_an_unknown_tier_is_charged_at_the_price_before_and_named() -> None:
    price = load_prices(HOME_REGION)[GROUP_2]
    bill = bill_of([Line(GROUP_2, 40_000_000, "")], load_prices(HOME_REGION), 1)

    assert price.tiers[-1].usd is None
    assert price.assumed(35_000_000) is None
    assert bill.rows[0].assumed is not None
    assert (bill.rows[0].assumed.above, bill.rows[0].assumed.units) == (35_000_000, 5_000_000)
    assert bill.usd == pytest.approx(1000 + 3200 + 35_000_000 * 0.0006)
    (text,) = [text for kind, text in remarks(bill, HOME_REGION) if kind == "unknown price"]
    assert text == (
        "Rekognition: images analyzed, above 35,000,000 a month. The estimate has 5,000,000 at $0.0006, the price "
        "before, and is up to $3,000.00 a month too high"
    )
    below = bill_of([Line(GROUP_2, 35_000_000, "")], load_prices(HOME_REGION), 1)
    assert "unknown price" not in dict(remarks(below, HOME_REGION))


def test_other_regions_know_the_first_tier_only() -> None:
    price = load_prices("ap-northeast-1")[GROUP_2]

    assert price.tiers == (Tier(up_to=1_000_000, usd=0.0013), Tier(up_to=None, usd=None))
    assert price.usd_of(2_000_000) == pytest.approx(2600)


def test_own_prices_override_the_built_in_ones(tmp_path: Path) -> None:
    file = write(tmp_path, {HOME_REGION: {"kvs.image": {"usd": 0.00001, "source": "a bill", "asOf": "2026-11-01"}}})
    found, built_in = load_prices(HOME_REGION, file), load_prices(HOME_REGION)

    image = found["kvs.image"]
    assert (image.usd, image.source, image.as_of, image.kind) == (0.00001, "a bill", "2026-11-01", "own")
    assert (image.name, image.unit, image.unverified) == ("KVS: images generated", "image", False)
    assert found["s3.put"] == built_in["s3.put"]


def test_own_prices_of_a_price_with_tiers_replace_the_tiers(tmp_path: Path) -> None:
    tiers = [{"upTo": 100, "usd": 2}, {"upTo": None, "usd": 1}]
    flat = load_prices(HOME_REGION, write(tmp_path, {HOME_REGION: {GROUP_2: {"usd": 0.0005}}}))
    tiered = load_prices(HOME_REGION, write(tmp_path, {HOME_REGION: {GROUP_2: {"tiers": tiers}}}))

    assert flat[GROUP_2].usd_of(2_000_000) == pytest.approx(1000)
    assert tiered[GROUP_2].usd_of(150) == pytest.approx(250)


def test_a_region_of_its_own_needs_one_price_at_least(tmp_path: Path) -> None:
    found = load_prices("eu-north-1", write(tmp_path, {"eu-north-1": {"s3.put": {"usd": 0.0000053}}}))

    assert found["s3.put"].usd == 0.0000053
    assert (found.region_of("s3.put"), found.region_of("s3.get")) == ("eu-north-1", HOME_REGION)
    with pytest.raises(PricesError, match="no prices of the Region eu-north-1"):
        load_prices("eu-north-1", write(tmp_path, {"eu-north-1": {"s3.put": {"usd": None}}}))


def test_an_unknown_region_is_an_error_with_the_next_step() -> None:
    with pytest.raises(PricesError) as caught:
        load_prices("mars-1")

    assert "no prices of the Region mars-1" in str(caught.value)
    assert "us-east-1, ap-northeast-1" in str(caught.value)
    assert "kinesight estimate --region mars-1 --prices-sample > prices.yaml" in str(caught.value)


def test_a_filled_in_sample_is_a_price_file(tmp_path: Path) -> None:
    built_in = load_prices(HOME_REGION)
    text = sample("eu-north-1", built_in)
    file = tmp_path / "prices.yaml"
    file.write_text(text.replace("s3.put: {usd: null", "s3.put: {usd: 0.0000053"))

    assert yaml.safe_load(text)["regions"]["eu-north-1"].keys() == built_in.by_key.keys()
    assert "# S3: PUT and LIST requests, per request. us-east-1: 0.000005\n" in text
    assert load_prices("eu-north-1", file)["s3.put"].usd == 0.0000053


def test_the_sample_names_the_regions_own_prices() -> None:
    text = sample("eu-central-1", load_prices("eu-central-1"))

    assert "# S3: PUT and LIST requests, per request. eu-central-1: 0.0000054\n" in text
    assert "# KVS: video sent to the stream, per GB. us-east-1: 0.0085\n" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not a valid price file"),
        ("[]", "is not a valid price file"),
        ("regions: {x: {s3.put: {usd: -1}}}", "regions.x.s3.put.usd"),
        ("regions: {x: {s3.put: {usd: .nan}}}", "is not a valid price file"),
        ("regions: {x: {s3.put: {price: 1}}}", "regions.x.s3.put.price"),
        ("regions: {x: {s3.putt: {usd: 1}}}", "prices that the estimate does not use: s3.putt"),
        ("{currency: EUR, regions: {x: {s3.put: {usd: 1}}}}", "prices in EUR"),
    ],
)
def test_an_invalid_price_file_is_rejected(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)

    with pytest.raises(PricesError) as caught:
        load_prices(HOME_REGION, path)
    assert said in str(caught.value)


def test_tiers_are_those_of_aws_worked_example() -> None:
    """2.5 million images: the first million at $0.0010, the next 1.5 at $0.0008 ("Amazon Rekognition pricing")."""
    price = load_prices(HOME_REGION)[GROUP_2]

    assert price.usd_of(2_500_000) == pytest.approx(1000 + 1200)
    assert price.usd_of(0) == 0
    assert price.usd_of(40_000_000) == pytest.approx(1000 + 3200 + 35_000_000 * 0.0006)
