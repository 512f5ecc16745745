"""Replaces identifiers: accounts, names, addresses, and numbers that are unique."""

import re
from collections.abc import Mapping
from typing import Any

_PATTERNS = (
    (re.compile(r"https?://[^\s\"'<>]+"), "URL"),
    (re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])"), "GUID"),
    (re.compile(r"(?<!\d)\d{38,48}(?!\d)"), "FRAGMENT"),
    (re.compile(r"(?<![\d.])\d{13}(?!\d)"), "EPOCH_MS"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "ACCOUNT"),
    (re.compile(r"(?<![\d.])\d{10}(?:\.\d{1,6})?(?![\d.])"), "EPOCH_S"),
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), "ADDRESS"),
    (re.compile(r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"), "PRINCIPAL"),
    (re.compile(r"(?<=:assumed-role/)[^\s\"']+|(?<=:user/)[^\s\"']+|(?<=:role/)[^\s\"']+"), "PRINCIPAL"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "MAIL"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "TIME"),
)
"""In this order: what is found first is replaced first."""


def without_identifiers(value: Any, names: Mapping[str, str]) -> Any:
    """Returns a JSON value without identifiers. `names`: what stands for each known name, such as a bucket's.

    Numbers that are timestamps become texts, so that their kind is still visible.
    """
    if isinstance(value, str):
        return _replaced(value, names)
    if isinstance(value, Mapping):
        return {_replaced(str(key), names): without_identifiers(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_identifiers(one, names) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = _replaced(str(value), names)
        return value if text == str(value) else text
    return value


def _replaced(text: str, names: Mapping[str, str]) -> str:
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, names[name])
    for pattern, placeholder in _PATTERNS:
        text = pattern.sub(placeholder, text)
    return text
