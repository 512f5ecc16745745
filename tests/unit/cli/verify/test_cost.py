"""The estimated cost of a run."""

import pytest
from kinesight_cli.shared.choices import Choices
from kinesight_cli.verify.cost import estimated

from tests.unit.cli.verify.runs import a_deployment


@pytest.mark.parametrize(
    "more", [{}, {"LiveStatus": "ENABLED"}, {"SamplingInterval": "500", "DailyBudgetUsd": "1"}], ids=str
)
def test_a_run_costs_less_than_a_quarter_of_a_dollar(more: dict[str, str]) -> None:
    parameters = {name: value for name, value in Choices.default().parameters().items() if value}

    cost = estimated(a_deployment(parameters={**parameters, "ImageGenerationStatus": "ENABLED", **more}), "us-east-1")

    assert 0.01 < cost.usd < 0.25


def test_a_region_without_prices_has_those_of_us_east_1() -> None:
    deployment = a_deployment(parameters={"StreamNames": "*"})

    assert estimated(deployment, "xx-none-1") == estimated(deployment, "us-east-1")
