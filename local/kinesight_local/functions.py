"""Runs the functions that moto's Lambda has, however they were created: the stack's own from their built folders, all
others from their zip files.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from kinesight_local.lambdas import FunctionSpec, InvocationResult, Lambdas
from kinesight_local.template import FunctionSource

type Invoke = Callable[[Any], InvocationResult]


class CannotRunError(Exception):
    """The local cloud cannot run a function; the message names the reason and what it can run."""


class Functions:
    """All functions of the local cloud."""

    def __init__(self, lambdas: Lambdas, folder: Path) -> None:
        """`folder` gets the contents of zip files, and loses those of a previous run."""
        self._lambdas = lambdas
        self._folder = folder
        self._built: dict[str, FunctionSource] = {}
        self._logging: dict[str, Mapping[str, str]] = {}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    @property
    def log_dir(self) -> Path:
        """One log file per function."""
        return self._lambdas.log_dir

    def add_built(self, name: str, source: FunctionSource) -> None:
        """Has a function run from its built folder; moto has another code of it."""
        self._built[name] = source

    def set_logging(self, name: str, config: Mapping[str, str]) -> None:
        """Sets the LogFormat and ApplicationLogLevel of a function's LoggingConfig, which moto does not keep."""
        self._logging[name] = config

    def invoker(self, function_arn: str) -> Invoke:
        """Invokes a function by ARN. A function that moto does not have fails."""
        region, account = function_arn.split(":")[3:5]
        backend = get_backend(account, region)

        def invoke(event: Any) -> InvocationResult:
            try:
                return self.invoke(backend.get_function(function_arn), event)
            except UnknownFunctionException as error:
                return _failure("ResourceNotFoundException", error.message)

        return invoke

    def invoke(self, function: LambdaFunction, event: Any) -> InvocationResult:
        """Runs a function of moto's with its current code and configuration."""
        try:
            spec = self._spec(function)
        except CannotRunError as error:
            return _failure("LocalCloud.CannotRun", f"{function.function_name}: {error}")
        return self._lambdas.invoke(spec, event)

    def _spec(self, function: LambdaFunction) -> FunctionSpec:
        return FunctionSpec(
            name=function.function_name,
            handler=str(function.handler),
            timeout_s=int(function.timeout),
            memory_mb=int(function.memory_size),
            environment={key: str(value) for key, value in function.environment_vars.items()},
            source=self._built.get(function.function_name) or self._unpacked(function),
            **_log_settings(self._logging.get(function.function_name, {})),
        )

    def _unpacked(self, function: LambdaFunction) -> FunctionSource:
        """The source of a user's function."""
        if function.package_type != "Zip" or not str(function.run_time).startswith("python3"):
            kind = function.run_time if function.package_type == "Zip" else "a container image"
            raise CannotRunError(f"The local cloud runs Python functions from zip files only, and this is {kind}.")
        backend = get_backend(function.account_id, function.region)
        layers = [backend.layers_versions_by_arn(one["Arn"]) for one in function.layers]
        return FunctionSource(
            self._folder_of(function.code_sha_256, function.code_bytes),
            tuple(self._folder_of(one.code_sha_256, one.code_bytes) / "python" for one in layers if one is not None),
            shares_imports=False,
        )

    def _folder_of(self, sha256: str, content: bytes) -> Path:
        """A zip file's folder, complete once it exists."""
        folder = self._folder / (sha256.replace("/", "_") or "none")
        if folder.exists():
            return folder
        unpacked = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                archive.extractall(unpacked)
            with suppress(OSError):  # another thread was first
                unpacked.rename(folder)
        except zipfile.BadZipFile as error:
            raise CannotRunError(f"Its code is not a zip file ({error}).") from error
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
        return folder


def _log_settings(config: Mapping[str, str]) -> dict[str, str]:
    names = {"LogFormat": "log_format", "ApplicationLogLevel": "application_log_level"}
    return {field: config[name] for name, field in names.items() if name in config}


def _failure(error_type: str, message: str) -> InvocationResult:
    return InvocationResult(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)
