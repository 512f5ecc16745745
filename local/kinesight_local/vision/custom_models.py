"""Custom Labels models: they start and stop, and return no labels.

StartProjectVersion starts a model for any well-formed ARN at once, StopProjectVersion stops it. A model that was never
started does not exist. No model is behind the API, so DetectCustomLabels of a running one returns no labels.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.request_images import image_of

Parameters = dict[str, Any]

_SIDES_PX = (64, 4096)


class CustomModels:
    """Models by ARN, in memory. May be used from any thread."""

    def __init__(self) -> None:
        self._running: dict[str, bool] = {}
        self._lock = threading.Lock()

    def operations(self) -> Mapping[str, Callable[[Parameters], Parameters]]:
        """By operation name. Each raises VisionError."""
        return {
            "StartProjectVersion": self._start,
            "StopProjectVersion": self._stop,
            "DescribeProjects": self._projects,
            "DescribeProjectVersions": self._versions,
            "DetectCustomLabels": self._detect,
        }

    def _start(self, request: Parameters) -> Parameters:
        arn = fields.text(request, "ProjectVersionArn", fields.PROJECT_VERSION_ARN)
        with self._lock:
            if self._running.get(arn):
                raise VisionError("ResourceInUseException", f"{arn} is already running.")
            self._running[arn] = True
        return {"Status": "RUNNING"}

    def _stop(self, request: Parameters) -> Parameters:
        arn = self._existing(request)
        with self._lock:
            self._running[arn] = False
        return {"Status": "STOPPED"}

    def _projects(self, request: Parameters) -> Parameters:
        """The projects of all started models. The number at the end of a project's ARN is made up."""
        with self._lock:
            projects = {arn.partition("/version/")[0] for arn in self._running}
        names = request.get("ProjectNames")
        return {
            "ProjectDescriptions": [
                {"ProjectArn": f"{one}/1", "Status": "CREATED"}
                for one in sorted(projects)
                if not names or one.rpartition("/")[2] in names
            ]
        }

    def _versions(self, request: Parameters) -> Parameters:
        project = fields.text(request, "ProjectArn", fields.PROJECT_ARN).rpartition("/")[0]
        names = request.get("VersionNames")
        with self._lock:
            versions = {arn: running for arn, running in self._running.items() if arn.startswith(f"{project}/version/")}
        return {
            "ProjectVersionDescriptions": [
                {"ProjectVersionArn": arn, "Status": "RUNNING" if running else "STOPPED"}
                for arn, running in versions.items()
                if not names or arn.split("/")[3] in names
            ]
        }

    def _detect(self, request: Parameters) -> Parameters:
        arn = self._existing(request)
        fields.number(request, "MinConfidence", 0)
        if not self._running[arn]:
            raise VisionError("ResourceNotReadyException", f"{arn} is not ready for inference.")
        image_of(request, _SIDES_PX)
        return {"CustomLabels": []}

    def _existing(self, request: Parameters) -> str:
        arn = fields.text(request, "ProjectVersionArn", fields.PROJECT_VERSION_ARN)
        with self._lock:
            if arn not in self._running:
                raise VisionError("ResourceNotFoundException", f"{arn} does not exist.")
        return arn
