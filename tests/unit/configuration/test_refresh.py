"""Rules that are re-read while the pipeline runs."""

import json
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration, TagsByStream
from kinesight.domain.configuration.current import DOCUMENT_KEY, CurrentConfiguration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError

from tests.fakes import FakeWork


@dataclass
class World:
    """A clock, a store that may fail, and the warnings."""

    store: FakeWork = field(default_factory=FakeWork)
    now_s: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def rules(self) -> CurrentConfiguration:
        def make(document: ConfigurationDocument | None, tags: TagsByStream) -> Configuration:
            return Configuration(CameraSettings.model_validate({"labels": ["Person"]}), document, tags)

        return CurrentConfiguration(self.store, make, lambda: self.now_s, self.warnings.append)

    def put(self, text: str) -> None:
        self.store.write(DOCUMENT_KEY, text.encode(), "application/json")


def a_document(name: str) -> str:
    return json.dumps({"schemaVersion": 1, "cameras": [{"streams": ["*"], "rules": [{"name": name}]}]})


def rule_names(rules: CurrentConfiguration) -> list[str]:
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
    assert world.warnings[0].startswith(
        "the previous configuration stays in use: configuration/kinesight.json: not valid JSON"
    )


def test_an_invalid_document_at_the_start_raises() -> None:
    world = World()
    world.put('{"schemaVersion": 1, "cameras": 5}')

    with pytest.raises(
        InvalidConfigurationError,
        match=r"configuration/kinesight\.json: line 1: cameras: Input should be a valid tuple",
    ):
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
    assert world.warnings == ["the previous configuration stays in use: slow down"]


def test_what_is_in_use_is_known_without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    configuration = world.rules()
    before = configuration.in_use
    read = configuration()
    world.now_s += 60

    def fail(_: object, __: str) -> bytes:
        raise StorageBusyError("slow down")

    monkeypatch.setattr(FakeWork, "read", fail)

    assert (before, configuration.in_use) == (None, read)
    assert world.warnings == []
    never = world.rules()
    with pytest.raises(StorageBusyError):
        never()
    assert never.in_use is None


def test_an_unchanged_document_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.put(a_document("one"))
    configuration = world.rules()
    parsed: list[str] = []

    def parse(text: str) -> ConfigurationDocument:
        parsed.append(text)
        return document_parse(text)

    document_parse = ConfigurationDocument.parse
    monkeypatch.setattr(ConfigurationDocument, "parse", parse)
    for name in ("one", "one", "two", "two"):
        world.put(a_document(name))
        configuration()
        world.now_s += 60

    assert parsed == [a_document("one"), a_document("two")]


def test_an_invalid_document_is_reported_each_time_it_is_read() -> None:
    world = World()
    configuration = world.rules()
    configuration()
    world.put("{")
    for _ in range(4):
        world.now_s += 30
        configuration()

    assert len(world.warnings) == 2


def test_without_a_document_none_of_its_validators_is_built() -> None:
    code = (
        "from kinesight.domain.configuration.configuration import Configuration\n"
        "from kinesight.domain.configuration.document import ConfigurationDocument\n"
        "Configuration.of([], 80).of_stream('front-door')\n"
        "print(ConfigurationDocument.__pydantic_complete__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"


def test_the_empty_document_is_as_a_parsed_one() -> None:
    assert ConfigurationDocument.empty() == ConfigurationDocument.parse('{"schemaVersion": 1}')


def test_without_a_store_the_parameters_apply() -> None:
    world = World()

    configuration = CurrentConfiguration(None, world.rules().make, lambda: 0, world.warnings.append)

    assert rule_names(configuration) == ["default"]


def test_the_latest_is_read_at_once_and_an_invalid_one_is_an_error() -> None:
    world = World()
    configuration = world.rules()
    configuration()
    world.put(a_document("new"))

    assert [rule.name for rule in configuration.latest().of_stream("any").camera.rules] == ["new"]
    world.put("{")
    with pytest.raises(InvalidConfigurationError):
        configuration.latest()
    assert rule_names(configuration) == ["new"]


def test_tags_are_read_again_with_the_document() -> None:
    world = World()
    camera = {"streamTags": "Location=Yard", "rules": [{"name": "yard"}]}
    world.put(json.dumps({"schemaVersion": 1, "cameras": [camera]}))
    configuration = world.rules()
    seen = [rule_names(configuration)]

    StreamTagsFile(world.store).save({"front-door": {"Location": "Yard"}})
    world.now_s += 60

    assert [*seen, rule_names(configuration)] == [["default"], ["yard"]]
