"""Files of configuration documents: JSON, YAML, and files that are neither."""

import json
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.config.command import SAMPLE
from kinesight_cli.shared.document_file import DocumentFile, InvalidDocumentError, read_file

from tests.unit.cli.config.documents import a_document, camera

BASE = "schemaVersion: 1\n"


def read(folder: Path, content: str | bytes, name: str = "kinesight.json") -> DocumentFile:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(file)


def problems(folder: Path, content: str | bytes, name: str = "kinesight.json") -> list[str]:
    """Without the file's name."""
    with pytest.raises(InvalidDocumentError) as caught:
        read(folder, content, name)
    return [one.removeprefix(f"{folder / name}: ") for one in caught.value.problems]


class TestForms:
    def test_json_is_kept_as_it_is(self, tmp_path: Path) -> None:
        text = SAMPLE.read_text()

        assert read(tmp_path, text).text == text

    def test_a_byte_order_mark_does_not_matter(self, tmp_path: Path) -> None:
        found = read(tmp_path, b"\xef\xbb\xbf" + SAMPLE.read_bytes())

        assert found.text == SAMPLE.read_text()

    @pytest.mark.parametrize("name", ["kinesight.yaml", "kinesight.YML", "kinesight", "kinesight.txt"])
    def test_yaml_becomes_json(self, tmp_path: Path, name: str) -> None:
        found = read(tmp_path, f"{BASE}defaults: {{labels: [Käfer]}}\n", name)

        assert json.loads(found.text) == {"schemaVersion": 1, "defaults": {"labels": ["Käfer"]}}
        assert "Käfer" in found.text
        assert found.document.defaults.labels == ("Käfer",)

    @pytest.mark.parametrize("name", ["kinesight.json", "kinesight", "kinesight.yaml"])
    def test_json_needs_no_ending(self, tmp_path: Path, name: str) -> None:
        assert read(tmp_path, json.dumps(a_document(camera())), name).document.cameras[0].streams == ("a",)

    def test_yaml_in_a_json_file_is_not_valid_json(self, tmp_path: Path) -> None:
        assert problems(tmp_path, BASE) == ["line 1: not valid JSON: Expecting value (column 1)"]


class TestUnreadableFiles:
    @pytest.mark.parametrize("content", [b"", b"\n \t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
    @pytest.mark.parametrize("name", ["kinesight.json", "kinesight.yaml"])
    def test_empty(self, tmp_path: Path, content: bytes, name: str) -> None:
        (said,) = problems(tmp_path, content, name)

        assert said == "the file is empty: `kinesight config sample` prints a document to start with"

    def test_comments_alone_are_empty(self, tmp_path: Path) -> None:
        assert "the file is empty" in problems(tmp_path, "# cameras\n---\n", "kinesight.yaml")[0]

    @pytest.mark.parametrize("content", [b"{\n\x00}", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08\x00", b"\x7fELF\x02"])
    def test_binary(self, tmp_path: Path, content: bytes) -> None:
        (said,) = problems(tmp_path, content)

        assert "the file is binary (byte 0x" in said
        assert said.startswith("line ")

    def test_not_utf_8(self, tmp_path: Path) -> None:
        text = json.dumps(a_document(camera(labels=["Käfer"])), ensure_ascii=False, indent=1)

        (said,) = problems(tmp_path, text.encode("latin-1"))

        line = next(number for number, one in enumerate(text.splitlines(), 1) if "Käfer" in one)
        assert said == f"line {line}: byte 0xe4 is not UTF-8: save the file as UTF-8"

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
    def test_other_encodings_of_unicode(self, tmp_path: Path, encoding: str) -> None:
        (said,) = problems(tmp_path, "{}".encode(encoding))

        assert "UTF-16" in said or "binary" in said

    def test_every_truncation_of_json_is_named(self, tmp_path: Path) -> None:
        text = json.dumps(a_document(camera(rules=[{"name": 'a"ä', "minimumArea": 0.25, "labels": ["x"]}])), indent=1)

        for length in range(1, len(text)):
            (said,) = problems(tmp_path, text[:length])
            assert said.endswith("The file ends within an object, so it may be truncated"), text[:length]

    @pytest.mark.parametrize("text", ["{}}", '{"a": 1} x', '{"a" 1}', "[1, 2"])
    def test_other_errors_are_not_truncation(self, tmp_path: Path, text: str) -> None:
        assert "truncated" not in problems(tmp_path, text)[0]

    @pytest.mark.parametrize("text", ["cameras: [{streams: [a", 'cameras: "a', "cameras: {streams: "])
    def test_truncated_yaml_is_named(self, tmp_path: Path, text: str) -> None:
        (said,) = problems(tmp_path, BASE + text, "kinesight.yaml")

        assert said.endswith("The file ends within a value, so it may be truncated")

    @pytest.mark.parametrize("name", ["kinesight.json", "kinesight.yaml"])
    def test_deep_nesting(self, tmp_path: Path, name: str) -> None:
        (said,) = problems(tmp_path, "[" * 100_000, name)

        assert said.startswith("not valid")

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_file(tmp_path / "missing.json")


JSON_TRAPS: dict[str, tuple[str, list[str]]] = {
    "repeated key": (
        '{"schemaVersion": 1,\n"cameras": [{"streams": ["a"],\n"streams": ["b"]}]}',
        ["line 3: cameras[0].streams: this key occurs several times in one object"],
    ),
    "repeated keys of different objects": (
        '{"schemaVersion": 1, "schemaVersion": 1,\n"defaults": {"labels": [],\n"labels": []}}',
        [
            "line 1: schemaVersion: this key occurs several times in one object",
            "line 3: defaults.labels: this key occurs several times in one object",
        ],
    ),
    "NaN": (
        '{"schemaVersion": 1,\n"defaults": {"gate":\n{"threshold": NaN}}}',
        ["line 3: defaults.gate.threshold: nan is not a finite number"],
    ),
    "infinity": (
        '{"schemaVersion": 1, "defaults":\n{"rules": [{"name": "a", "maximumAspectRatio": -1e999}]}}',
        ["line 2: defaults.rules[0].maximumAspectRatio: -inf is not a finite number"],
    ),
    "null": ("null", ["line 1: the document: Input should be a valid dictionary or instance of ConfigurationDocument"]),
    "list": ("[]", ["line 1: the document: Input should be a valid dictionary or instance of ConfigurationDocument"]),
    "number of 5000 digits": ("9" * 5000, ["not valid JSON: Exceeds the limit (4300 digits)"]),
}


@pytest.mark.parametrize(("text", "said"), JSON_TRAPS.values(), ids=JSON_TRAPS.keys())
def test_a_trap_of_json(tmp_path: Path, text: str, said: list[str]) -> None:
    found = problems(tmp_path, text)

    assert [one[: len(expected)] for one, expected in zip(found, said, strict=True)] == said


YAML_TRAPS: dict[str, tuple[str, str]] = {
    "repeated key": (
        "defaults:\n  labels: [a]\n  detector: HTTP\n  labels: [b]\n",
        "line 5: defaults.labels: this key occurs several times in one object",
    ),
    "unknown key": (
        "cameras:\n- streams: [a]\n  lables:\n  - Dog\n",
        "line 4: cameras[0].lables: Extra inputs are not permitted",
    ),
    "wrong value in a list": (
        "cameras:\n- streams:\n  - a\n  - b c\n",
        "line 5: cameras[0].streams[1]: String should match pattern",
    ),
    "not a number": (
        "defaults: {gate: {threshold: .nan}}",
        "line 2: defaults.gate.threshold: .nan is not a finite number",
    ),
    "infinity": (
        "defaults:\n  minimumConfidence: -.INF",
        "line 3: defaults.minimumConfidence: -.INF is not a finite number",
    ),
    "overflow": (
        "defaults:\n  minimumConfidence: 1e999",
        "line 3: defaults.minimumConfidence: 1e999 is not a finite number",
    ),
    "date instead of a number": (
        "defaults:\n  minimumConfidence: 2026-11-20",
        "line 3: defaults.minimumConfidence: Input should be a valid number",
    ),
    "number instead of text": (
        "defaults:\n  labels:\n  - 7\n",
        "line 4: defaults.labels[0]: Input should be a valid string",
    ),
    "number as a key": (
        "detectors:\n  1: {type: HTTP}",
        "line 3: detectors.key 1: a key must be text: put it in quotes",
    ),
    "true as a key": ("true: x", "line 2: key true: a key must be text: put it in quotes"),
    "list as a key": ("? [a]\n: x", "line 2: key: a key must be text: put it in quotes"),
    "merge key": (
        "cameras:\n- streams: [a]\n  <<: {labels: [a]}",
        "line 4: cameras[0].<<: merge keys are not supported: put common settings under defaults",
    ),
    "date by its tag": ("defaults: !!timestamp 2026-11-20", "line 2: defaults: the tag !!timestamp is not supported"),
    "Python object": ("defaults: !!python/object:os.system {}", "line 2: defaults: the tag !!python/object:os.system"),
    "number by its tag": ("defaults:\n  labels: !!int many", "line 3: defaults.labels: 'many' is not of the type int"),
    "set": ("defaults: !!set {a}", "line 2: defaults: the tag !!set is not supported"),
    "unknown alias": ("defaults: *all", "line 2: not valid YAML: found undefined alias 'all' (column 11)"),
    "alias in itself": ("defaults: &all [*all]", "line 2: defaults[0]: the alias names the value that it is part of"),
    "tab": ("defaults:\n\tlabels: []", "line 3: not valid YAML: "),
    "two documents": ("---\nschemaVersion: 1", "line 2: not valid YAML: expected a single document in the stream"),
    "character": ("defaults: \x7f", "line 2: not valid YAML: the character U+007F is not allowed"),
    "missing version of the schema": ("a: 1", "line 2: a: Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("text", "said"), YAML_TRAPS.values(), ids=YAML_TRAPS.keys())
def test_a_trap_of_yaml_has_its_line(tmp_path: Path, text: str, said: str) -> None:
    (found,) = problems(tmp_path, BASE + text, "kinesight.yaml")

    assert found.startswith(said)


def test_aliases_that_name_each_other_end_early(tmp_path: Path) -> None:
    lines = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]

    (said,) = problems(tmp_path, BASE + "a0: &a0 [x]\n" + "\n".join(lines), "kinesight.yaml")

    assert said == "the document has more than 500000 values"


WORKS: dict[str, tuple[str, Any]] = {
    "the key on": ("followUp: {detector: REKOGNITION_FACES, on: CROP}", ("follow_up.on", "CROP")),
    "the value on": ("labels: [on, off, yes, no, y, n]", ("labels", ("on", "off", "yes", "no", "y", "n"))),
    "a date": ("rules: [{name: 2026-11-20}]", ("rules.0.name", "2026-11-20")),
    "a time": (
        "rules: [{name: a, quietHours: [{start: 22:30, end: 06:00}]}]",
        ("rules.0.quiet_hours.0.start", "22:30"),
    ),
    "a gate": ("gate: {mode: ON}", ("gate.mode", "ON")),
    "a number with an exponent": ("minimumConfidence: 5e1", ("minimum_confidence", 50)),
    "an integer with leading zeros": ("minimumConfidence: 070", ("minimum_confidence", 70)),
    "a hexadecimal integer": ("minimumConfidence: 0x10", ("minimum_confidence", 16)),
    "an octal integer": ("minimumConfidence: 0o17", ("minimum_confidence", 15)),
    "null": ("detector: ~", ("detector", None)),
    "nothing": ("detector:", ("detector", None)),
    "a merge key in quotes is a key": ("rules: [{name: a, tags: {'<<': x}}]", ("rules.0.tags", {"<<": "x"})),
    "an alias": ("{labels: &one [Dog], rules: [{name: a, labels: *one}]}", ("rules.0.labels", ("Dog",))),
}


@pytest.mark.parametrize(("text", "expected"), WORKS.values(), ids=WORKS.keys())
def test_yaml_reads_as_it_is_written(tmp_path: Path, text: str, expected: tuple[str, Any]) -> None:
    indented = text if text.startswith("{") else f"\n  {text}"
    value: Any = read(tmp_path, f"{BASE}defaults: {indented}\n", "kinesight.yaml").document.defaults
    path, result = expected

    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    assert value == result
