"""The functions run with the boto3 that the tests run with, none of it from Lambda's runtime."""

import ast
import re
import runpy
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config
from kinesight_local.template import read_template

ROOT = Path(__file__).resolve().parents[2]
TRIM = ROOT / "layers/aws_sdk/trim.py"
BY_RUNTIME = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
"""What boto3 consists of; the runtime's others (awslambdaric, simplejson) no function imports."""
OWN = {"app", "functions", "kinesight"}


def pinned(layer: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", (ROOT / f"layers/{layer}/requirements.txt").read_text()))


def test_every_function_has_the_layer() -> None:
    resources = read_template(ROOT / "template.yaml")["Resources"]
    functions = [one for one in resources.values() if one["Type"] == "AWS::Serverless::Function"]

    assert len(functions) > 10
    assert all({"Ref": "AwsSdkLayer"} in one["Properties"]["Layers"] for one in functions)


def test_the_tests_run_with_what_is_deployed() -> None:
    layer = pinned("aws_sdk")

    assert layer.keys() == BY_RUNTIME
    assert {name: version(name) for name in layer} == layer


def test_every_imported_package_is_in_a_layer() -> None:
    deployed = {name for layer in ("aws_sdk", "kinesight", "imaging", "media") for name in pinned(layer)}
    files = [*ROOT.glob("functions/**/*.py"), *ROOT.glob("layers/kinesight/kinesight/**/*.py")]
    modules = {name for path in files for name in imported(ast.parse(path.read_text()))}
    others = modules - set(sys.stdlib_module_names) - OWN

    assert {"boto3", "pydantic", "PIL", "av"} <= others
    assert {"pillow" if one == "PIL" else one.replace("_", "-") for one in others} <= deployed


def imported(node: ast.AST) -> Iterator[str]:
    """Top-level names that are imported at run time."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (one.name.partition(".")[0] for one in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def test_the_layer_has_the_data_of_every_client_and_of_no_other_service() -> None:
    adapters = "".join(path.read_text() for path in ROOT.glob("layers/kinesight/kinesight/adapters/aws/*.py"))

    assert set(re.findall(r'client\(\s*"([a-z0-9-]+)"', adapters)) == set(runpy.run_path(str(TRIM))["SERVICES"])


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, services = Path(botocore.__file__).parent / "data", runpy.run_path(str(TRIM))["SERVICES"]
    folder = tmp_path_factory.mktemp("layer") / "botocore/data"
    for name in (*services, "ec2"):
        shutil.copytree(data / name, folder / name)
    for file in data.glob("*.json"):
        shutil.copy(file, folder)
    runpy.run_path(str(TRIM))["main"]([str(folder.parents[1])])
    return folder


def session(data: Path | None) -> botocore.session.Session:
    found = botocore.session.Session()
    found.set_credentials("sample", "sample")
    if data is not None:
        loader = botocore.loaders.Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
        found.register_component("data_loader", loader)
    return found


def test_what_is_left_makes_the_same_clients(trimmed: Path) -> None:
    ours, whole = session(trimmed), session(None)

    assert not (trimmed / "ec2").exists()
    for service in runpy.run_path(str(TRIM))["SERVICES"]:
        for region in ("us-east-1", "cn-north-1"):
            assert facts(ours, service, region) == facts(whole, service, region)


def facts(of: botocore.session.Session, service: str, region: str) -> tuple[Any, ...]:
    client = of.create_client(
        service,
        region_name=region,
        config=Config(parameter_validation=False, signature_version="s3v4" if service == "s3" else None),
    )
    model = client.meta.service_model
    operations = {name: str(model.operation_model(name).input_shape) for name in model.operation_names}
    return client.meta.endpoint_url, model.metadata, model.api_version, client.waiter_names, operations, link(client)


def link(client: Any) -> str:
    """A signed link of the operation with the fewest required members, without time and signature: it has the endpoint
    and the parameters."""
    methods = client.meta.method_to_api_mapping
    inputs = {name: client.meta.service_model.operation_model(api).input_shape for name, api in methods.items()}
    method = min(inputs, key=lambda name: (len(inputs[name].required_members) if inputs[name] else 0, name))
    members = inputs[method].members if inputs[method] else {}
    required = inputs[method].required_members if inputs[method] else []
    values = {name: {} if members[name].type_name == "structure" else "sample" for name in required}
    return re.sub(r"(Date|Signature|Expires)=[^&]*", "", client.generate_presigned_url(method, values))
