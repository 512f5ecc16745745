"""The template accepts what `kinesight migrate` writes."""

from pathlib import Path

import pytest
from kinesight_cli.migrate.migration import Migration
from kinesight_local.template import expand

from tests.processors import MIGRATIONS

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


@pytest.mark.parametrize("migration", MIGRATIONS.values(), ids=MIGRATIONS.keys())
def test_the_template_takes_what_comes_out(migration: Migration) -> None:
    assert expand(TEMPLATE, migration.parameters).parameters.items() >= migration.parameters.items()
