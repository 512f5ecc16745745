"""Rules that are re-read while the pipeline runs."""

import json
from dataclasses import dataclass, field

import pytest
from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.matching import Rules
from kinesight.domain.rules.refresh import DOCUMENT_KEY, CurrentRules

from tests.fakes import FakeWork


@dataclass
class World:
    """A clock, a store that may fail, and the warnings."""

    store: FakeWork = field(default_factory=FakeWork)
    now_s: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def rules(self) -> CurrentRules:
        def make_rules(document: RulesDocument | None) -> Rules:
            return Rules.of(["Person"], 80, document)

        return CurrentRules(self.store, make_rules, lambda: self.now_s, self.warnings.append)

    def put(self, text: str) -> None:
        self.store.write(DOCUMENT_KEY, text.encode(), "application/json")


def a_document(name: str) -> str:
    return json.dumps({"schemaVersion": 1, "cameras": [{"streams": ["*"], "rules": [{"name": name}]}]})


def rule_names(rules: CurrentRules) -> list[str]:
    return [rule.name for rule in rules().of_stream("front-door").camera.rules]


def test_without_a_document_the_parameters_apply() -> None:
    assert rule_names(World().rules()) == ["default"]


def test_a_new_document_applies_within_a_minute() -> None:
    world = World()
    rules = world.rules()
    seen = [rule_names(rules)]
    world.put(a_document("one"))
    seen.append(rule_names(rules))
    for _ in range(2):
        world.now_s += 60
        seen.append(rule_names(rules))
        world.put(a_document("two"))

    assert seen == [["default"], ["default"], ["one"], ["two"]]


def test_an_invalid_document_leaves_the_last_valid_one_in_use() -> None:
    world = World()
    world.put(a_document("good"))
    rules = world.rules()
    before = rule_names(rules)
    world.put("{")
    world.now_s += 60

    assert rule_names(rules) == before == ["good"]
    assert len(world.warnings) == 1
    assert world.warnings[0].startswith("the previous rules stay in use: configuration/rules.json: not valid JSON")


def test_an_invalid_document_at_the_start_raises() -> None:
    world = World()
    world.put('{"schemaVersion": 1}')

    with pytest.raises(InvalidConfigurationError, match=r"configuration/rules\.json: line 1: cameras: Field required"):
        world.rules()()


def test_a_transient_failure_of_the_store_leaves_the_rules_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    rules = world.rules()
    before = rule_names(rules)
    world.now_s += 60

    def fail(_: object, __: str) -> bytes:
        raise StorageBusyError("slow down")

    monkeypatch.setattr(FakeWork, "read", fail)

    assert rule_names(rules) == before
    assert world.warnings == ["the previous rules stay in use: slow down"]
