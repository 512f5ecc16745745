"""The settings that costs depend on, in one flat mapping: template parameters by name, others by path in the document.

A setting that a parameter and the configuration document share is there under the parameter's name, with the document's
value if `defaults` set it. Settings of single cameras are not used: an estimate is for one kind of camera.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings, FollowUp
from kinesight.domain.configuration.document import STACK_PARTS, ConfigurationDocument
from kinesight.domain.configuration.layers import overlay

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.parameter_layer import PATHS, overridden, parameter_layer
from kinesight_cli.shared.permissions import permission_problems
from kinesight_cli.shared.setting_paths import leaves

NO_DETECTOR = "NONE"
"""Value of Detector and followUp.detector without a detector."""
NO_DOCUMENT = ConfigurationDocument.empty()
_NO_FOLLOW_UP = FollowUp(detector=NO_DETECTOR)
_WITHOUT_FOLLOW_UP = ("followUp.detector", NO_DETECTOR)
_LISTS = frozenset({"labels", "followUp.labels", "alertChannels"})
_NULL = {"detector": NO_DETECTOR, "followUp.detector": NO_DETECTOR}
"""Texts that mean null; of other settings, it is the empty text."""
_NOT_TEXT: Mapping[str, Any] = {"zones": True, "rules": True, "gate": {"ignored_regions"}}


class SettingsError(CommandError):
    """A setting has an unknown name or an invalid value, or no effect."""


def is_path(name: str) -> bool:
    """Whether it is a path in the configuration document, such as gate.mode, not a parameter of the template."""
    return name[:1].islower()


def assignment(name: str, value: str) -> str:
    """Returns NAME=VALUE, and for settings of the document where to write it."""
    return f"{name}={value}" + (" in the configuration document" if is_path(name) else "")


def flat_settings(parameters: Mapping[str, str], document: ConfigurationDocument = NO_DOCUMENT) -> dict[str, str]:
    """Returns all settings as texts. `parameters`: all of the template. Raises ParameterError."""
    camera = overlay(parameter_layer(parameters).settings, document.defaults)
    names = {path: name for name, path in PATHS.items() if name in parameters}
    found = {names.get(path, path): value for path, value in _by_path(camera, document).items()}
    for name, one in document.detectors.items():
        found[f"detectors.{name}.type"] = one.type
        found[f"detectors.{name}.usdPerThousandCalls"] = _text(one.usd_per_thousand_calls)
    return {**parameters, **found}


def detector_type(settings: Mapping[str, str], name: str) -> str:
    """Returns the type of a named detector; other names are types. `name`: a value of Detector or followUp.detector."""
    return settings.get(f"detectors.{name}.type", name)


def has_own_price(settings: Mapping[str, str], name: str) -> bool:
    """Whether the document sets the price of a named detector's calls."""
    return own_usd_per_call(settings, name) is not None


def own_usd_per_call(settings: Mapping[str, str], name: str) -> float | None:
    """Returns the document's price of a named detector's call in USD; None if it sets none."""
    usd = settings.get(f"detectors.{name}.usdPerThousandCalls")
    return float(usd) / 1000 if usd else None


def changed_document(document: ConfigurationDocument, settings: Mapping[str, str]) -> ConfigurationDocument:
    """Returns the document without its cameras and with settings by path. Raises SettingsError."""
    unknown = [name for name in settings if not name.startswith("detectors.") and name not in _KNOWN]
    if unknown:
        raise SettingsError(
            f"no such settings of the configuration document: {', '.join(unknown)}. Its settings are named by their "
            "path, such as gate.mode or limits.concurrentDetections (docs/configuration.md)"
        )
    values = document.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"cameras"})
    for name, text in sorted(settings.items(), key=lambda one: one == _WITHOUT_FOLLOW_UP):
        _set(values, name, text)
    found, problems = ConfigurationDocument.check(values)
    if found is None or problems:
        raise SettingsError("; ".join(said for _, said in problems))
    return found


def check_effective(names: Iterable[str], document: ConfigurationDocument) -> None:
    """Raises SettingsError if the document overrides one of these parameters."""
    for name in overridden(document.defaults, dict.fromkeys(names, "")):
        raise SettingsError(
            f"the parameter {name} has no effect: `defaults` of the configuration document set {PATHS[name]}. Use "
            f"--parameter {PATHS[name]}=VALUE"
        )


def check_permitted(document: ConfigurationDocument, parameters: Mapping[str, str]) -> None:
    """Raises SettingsError if the parameters do not permit a detector of the document."""
    problems = permission_problems(document, parameters)
    if problems:
        raise SettingsError("; ".join(said for _, said in problems))


def overriding_paths(document: ConfigurationDocument, parameters: Mapping[str, str]) -> dict[str, str]:
    """Returns, by parameter, the path that the document sets instead."""
    return {name: PATHS[name] for name in overridden(document.defaults, parameters)}


def document_settings(document: ConfigurationDocument) -> dict[str, str]:
    """Returns what is set for all cameras, by path; lists and objects that cost nothing are left out."""
    defaults = document.defaults.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=_NOT_TEXT)
    parts = document.model_dump(mode="json", by_alias=True, exclude_unset=True, include=set(STACK_PARTS))
    found = {**dict(leaves(defaults)), **dict(leaves(parts))}
    return {path: _text(value) or _NULL.get(path, "") for path, value in found.items()}


def _by_path(camera: CameraSettings, document: ConfigurationDocument) -> dict[str, str]:
    values = camera.model_dump(mode="json", by_alias=True, exclude=_NOT_TEXT)
    values["detector"] = camera.detector or NO_DETECTOR
    values["followUp"] = (camera.follow_up or _NO_FOLLOW_UP).model_dump(mode="json", by_alias=True)
    values |= document.model_dump(mode="json", by_alias=True, include=set(STACK_PARTS))
    return {path: _text(value) for path, value in leaves(values)}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case list():
            return ",".join(map(str, value))
    return str(value)


def _set(document: dict[str, Any], name: str, text: str) -> None:
    inside = document if name.partition(".")[0] in ("detectors", *STACK_PARTS) else document.setdefault("defaults", {})
    *parents, last = name.split(".")
    if (name, text) == _WITHOUT_FOLLOW_UP:
        inside["followUp"] = None
        return
    for part in parents:
        if not isinstance(inside.get(part), dict):
            inside[part] = {}
        inside = inside[part]
    inside[last] = _value(name, text)


def _value(name: str, text: str) -> Any:
    """Returns a value that the document accepts: its models convert numbers."""
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return None if text == _NULL.get(name, "") else text


_KNOWN = frozenset(_by_path(CameraSettings(), NO_DOCUMENT))
