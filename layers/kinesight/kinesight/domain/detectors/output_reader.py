"""Reads detections from any model's JSON output, by the forms of domain/detectors/output_schema.py."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight.domain.detectors.image_fit import SentImage
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_boxes import box_of, clipped, is_absent, kind, number, numbers
from kinesight.domain.detectors.output_schema import Expression, Form, OutputMapping
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.json_text import InvalidJsonError, parse_json
from kinesight.domain.model import Detection

_ROUNDING = 1e-4  # a softmax in 32-bit floats may sum to a little more than one
_EXCERPT = 120
_PADDING_SCORES = (-1, 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """Detections of a model output. `dropped_rows`: its rows that are no detection, padding and unreadable ones."""

    detections: tuple[Detection, ...]
    dropped_rows: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """`confidence`: percent."""

    position: int
    value: Any
    confidence: float


@dataclass(frozen=True, slots=True)
class OutputReader:
    """Reads model output. `minimum_confidence`, 0 to 100: rows below it are no detections.

    Models of a fixed output size pad it with rows whose score is -1 or 0; an output of nothing else shows nothing. A
    row that cannot be read is dropped, unless there is no other one: then the mapping is wrong rather than the row.
    """

    mapping: OutputMapping
    labels: LabelMap
    minimum_confidence: float

    def read(self, body: bytes, sent: SentImage) -> Reading:
        """The detections of a JSON output; boxes are ratios of the original image. Raises ModelOutputError."""
        return self.interpret(self._parsed(body), sent)

    def interpret(self, output: Any, sent: SentImage) -> Reading:
        """As `read`, of output that is already parsed."""
        try:
            return self._interpreted(output, sent)
        except ModelOutputError as error:
            raise self._failure(str(error), json.dumps(output, default=str)) from error

    def _parsed(self, body: bytes) -> Any:
        try:
            return parse_json(body)
        except InvalidJsonError as error:
            raise self._failure(f"not JSON: {error}", body[: 4 * _EXCERPT].decode(errors="replace")) from error

    def _failure(self, problem: str, output: str) -> ModelOutputError:
        return ModelOutputError(f"the model output does not match {self.mapping.name}: {problem}: {output[:_EXCERPT]}")

    def _interpreted(self, output: Any, sent: SentImage) -> Reading:
        form, rows = _rows(self.mapping.forms, output)
        size = _size(form, output, sent)
        real = [(position, row) for position, row in enumerate(rows) if not _is_padding(form, row)]
        scored = _readable(real, lambda one: _Row(*one, _confidence(form, *one)))
        sure = [row for row in scored if row.confidence >= self.minimum_confidence]
        if form.top is not None:
            sure = sorted(sure, key=lambda row: -row.confidence)[: form.top]
        found = _readable(sure, lambda row: self._detection(form, row, size, sent))
        unreadable = len(real) - len(scored) + len(sure) - len(found)
        return Reading(tuple(one for one in found if one is not None), len(rows) - len(real) + unreadable)

    def _detection(self, form: Form, row: _Row, size: tuple[float, float], sent: SentImage) -> Detection | None:
        """None for a box that lies beside the image, in a letterbox's bar for one."""
        label = self.labels.name(_label(form, row.value, row.position))
        attributes = {name: path.search(row.value) for name, path in form.attributes.items()}
        raw = None if form.box is None else form.box.search(row.value)
        if form.box is None or is_absent(raw):
            return Detection(label=label, confidence=row.confidence, attributes=attributes)
        box = clipped(sent.to_original(box_of(form, raw, size, f"box {form.box.text!r} of row {row.position}")))
        if box is None:
            return None
        return Detection(label=label, confidence=row.confidence, bounding_box=box, attributes=attributes)


def _readable[Given, Read](rows: Sequence[Given], read: Callable[[Given], Read]) -> list[Read]:
    """Returns what could be read. Raises ModelOutputError if nothing could."""
    found: list[Read] = []
    first: ModelOutputError | None = None
    for row in rows:
        try:
            found.append(read(row))
        except ModelOutputError as error:
            first = first or error
    if first is not None and not found:
        raise first
    return found


def _rows(forms: Sequence[Form], output: Any) -> tuple[Form, list[Any]]:
    for form in forms:
        found = _columns(form.rows, output) if isinstance(form.rows, dict) else form.rows.search(output)
        if isinstance(found, list):
            return form, found
        if found is not None:
            raise ModelOutputError(f"rows {_paths(form)}: {kind(found)} where a list is expected")
    raise ModelOutputError(f"rows {' or '.join(_paths(form) for form in forms)}: not there")


def _paths(form: Form) -> str:
    paths = form.rows.values() if isinstance(form.rows, dict) else [form.rows]
    return ", ".join(repr(path.text) for path in paths)


def _columns(columns: Mapping[str, Expression], output: Any) -> list[Any] | None:
    """None if no column is there."""
    found = {name: path.search(output) for name, path in columns.items()}
    if all(column is None for column in found.values()):
        return None
    for name, column in found.items():
        if not isinstance(column, list):
            raise ModelOutputError(f"column {name} {columns[name].text!r}: {kind(column)} where a list is expected")
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        raise ModelOutputError(f"columns are of several lengths: {lengths}")
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _size(form: Form, output: Any, sent: SentImage) -> tuple[float, float]:
    """What a ratio of 1 is, in the unit of the form's boxes."""
    if form.box is None or form.box_unit == "RATIO":
        return 1.0, 1.0
    if form.size is None:
        if sent.fit is None:
            raise ModelOutputError("boxes are in pixels, and the size of the image is not known")
        return float(sent.fit.sent[0]), float(sent.fit.sent[1])
    width, height = numbers(form.size.search(output), 2, f"size {form.size.text!r}")
    if width <= 0 or height <= 0:
        raise ModelOutputError(f"size {form.size.text!r}: {width:g} x {height:g} is not a size")
    return width, height


def _is_padding(form: Form, row: Any) -> bool:
    try:
        score = form.score.search(row)
    except ModelOutputError:
        return False
    return isinstance(score, int | float) and not isinstance(score, bool) and score in _PADDING_SCORES


def _confidence(form: Form, position: int, row: Any) -> float:
    """Percent."""
    where = f"score {form.score.text!r} of row {position}"
    share = number(form.score.search(row), where) / form.score_scale
    if not -_ROUNDING <= share <= 1 + _ROUNDING:
        raise ModelOutputError(f"{where}: {share * form.score_scale:g} is not within 0 to {form.score_scale}")
    return 100 * min(max(share, 0.0), 1.0)


def _label(form: Form, row: Any, position: int) -> str | int:
    if form.label is None:
        return position
    found = form.label.search(row)
    if isinstance(found, str) and found:
        return found
    index = number(found, f"label {form.label.text!r} of row {position}")
    if index < 0 or index != int(index):
        raise ModelOutputError(f"label {form.label.text!r} of row {position}: {index:g} is no class")
    return int(index)
