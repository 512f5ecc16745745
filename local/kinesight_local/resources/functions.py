"""AWS::Lambda::Function. moto keeps the configuration, lambdas.py runs the code, log_shipping.py sends the logs."""

from collections.abc import Mapping
from typing import Any, override

from kinesight_local.log_shipping import LogShipper
from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document, Expanded, is_placeholder

_NOT_IN_MOTO = frozenset({"Layers", "LoggingConfig", "SnapStart", "TracingConfig"})
_CODE = {"ZipFile": "def handler(event, context): ..."}


def log_settings(expanded: Expanded) -> dict[str, dict[str, str]]:
    """LogFormat and ApplicationLogLevel of the functions that have them, by logical id."""

    def chosen(value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        condition, yes, no = value["Fn::If"]
        return chosen(yes if expanded.conditions[condition] else no)

    configs = {
        name: one["Properties"].get("LoggingConfig", {})
        for name, one in expanded.resources.items()
        if one["Type"] == "AWS::Lambda::Function"
    }
    return {
        name: {key: chosen(config[key]) for key in ("LogFormat", "ApplicationLogLevel") if key in config}
        for name, config in configs.items()
    }


class Functions(ResourceType):
    """moto gets the function without its layers, and without its code where that is a built folder."""

    handles = frozenset({"AWS::Lambda::Function"})
    in_moto = True

    def __init__(self) -> None:
        self._shipper: LogShipper | None = None

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        logging = resource.properties.get("LoggingConfig", {})
        return {"Logs": logging["LogGroup"]} if "LogGroup" in logging else {}

    @override
    def moto_properties(self, resource: Resource, physical_name: str) -> Document:
        kept = {name: value for name, value in resource.properties.items() if name not in _NOT_IN_MOTO}
        code = resource.properties["Code"]
        return kept | {"Code": dict(_CODE) if is_placeholder(code) else code, "FunctionName": physical_name}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        if not self.references(resource):
            return
        if self._shipper is None:
            self._shipper = LogShipper(deployment.client("logs"), deployment.log_dir)
        group = deployment.reference(resource.logical_id, "Logs")
        self._shipper.add(deployment.physical_name(resource.logical_id), group)

    @override
    def stop(self) -> None:
        if self._shipper is not None:
            self._shipper.stop()
