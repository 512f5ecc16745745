"""Custom Labels models as far as they can be had here: they start and stop, and see nothing.

StartProjectVersion makes any well-formed ARN a model that runs, at once; StopProjectVersion makes it one that does not.
A model that was never started does not exist. There is no model behind, so a running one answers without labels.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.images import picture_of

Parameters = dict[str, Any]

_SIDES_PX = (64, 4096)


class CustomModels:
    """By ARN, in memory; safe for threads."""

    def __init__(self) -> None:
        self._runs: dict[str, bool] = {}
        self._lock = threading.Lock()

    def operations(self) -> Mapping[str, Callable[[Parameters], Parameters]]:
        """By Rekognition's names. Each raises VisionError."""
        return {
            "StartProjectVersion": self._start,
            "StopProjectVersion": self._stop,
            "DescribeProjects": self._projects,
            "DescribeProjectVersions": self._versions,
            "DetectCustomLabels": self._detect,
        }

    def _start(self, wanted: Parameters) -> Parameters:
        arn = fields.text(wanted, "ProjectVersionArn", fields.PROJECT_VERSION_ARN)
        with self._lock:
            if self._runs.get(arn):
                raise VisionError("ResourceInUseException", f"{arn} runs already.")
            self._runs[arn] = True
        return {"Status": "RUNNING"}

    def _stop(self, wanted: Parameters) -> Parameters:
        arn = self._known(wanted)
        with self._lock:
            self._runs[arn] = False
        return {"Status": "STOPPED"}

    def _projects(self, wanted: Parameters) -> Parameters:
        """Those that a started model belongs to. The number at the end of a project's ARN is made up."""
        with self._lock:
            projects = {arn.partition("/version/")[0] for arn in self._runs}
        names = wanted.get("ProjectNames")
        return {
            "ProjectDescriptions": [
                {"ProjectArn": f"{one}/1", "Status": "CREATED"}
                for one in sorted(projects)
                if not names or one.rpartition("/")[2] in names
            ]
        }

    def _versions(self, wanted: Parameters) -> Parameters:
        project = fields.text(wanted, "ProjectArn", fields.PROJECT_ARN).rpartition("/")[0]
        names = wanted.get("VersionNames")
        with self._lock:
            runs = {arn: running for arn, running in self._runs.items() if arn.startswith(f"{project}/version/")}
        return {
            "ProjectVersionDescriptions": [
                {"ProjectVersionArn": arn, "Status": "RUNNING" if running else "STOPPED"}
                for arn, running in runs.items()
                if not names or arn.split("/")[3] in names
            ]
        }

    def _detect(self, wanted: Parameters) -> Parameters:
        arn = self._known(wanted)
        fields.number(wanted, "MinConfidence", 0)
        if not self._runs[arn]:
            raise VisionError("ResourceNotReadyException", f"{arn} is not ready for inference.")
        picture_of(wanted, _SIDES_PX)
        return {"CustomLabels": []}

    def _known(self, wanted: Parameters) -> str:
        arn = fields.text(wanted, "ProjectVersionArn", fields.PROJECT_VERSION_ARN)
        with self._lock:
            if arn not in self._runs:
                raise VisionError("ResourceNotFoundException", f"{arn} does not exist.")
        return arn
