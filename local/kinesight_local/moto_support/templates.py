"""Templates are read as JSON where they are JSON.

moto reads each template as YAML first, and PyYAML's parser takes more than a second for one of ours.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.cloudformation.models import Stack

from kinesight_local.moto_support.patches import install


def read_templates_as_json() -> Callable[[], None]:
    """Call the result to restore moto."""
    as_yaml = Stack.parse_template

    def read(template: str) -> Any:
        try:
            return json.loads(template)
        except ValueError:
            return as_yaml(template)

    return install((Stack, "parse_template", staticmethod(read)))
