"""Templates: those in JSON are read as JSON, those of SAM are expanded as CloudFormation expands them.

moto reads each template as YAML first, and PyYAML's parser takes more than a second for one of ours. It does not know
the transform of SAM.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import yaml
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse

from kinesight_local.moto_support.patches import install
from kinesight_local.template import InvalidTemplateError, expand_sam

_SAM = "AWS::Serverless-"


def read_templates() -> Callable[[], None]:
    """Call the result to restore moto."""
    as_yaml = Stack.parse_template

    def read(template: str) -> Any:
        if _SAM in template:
            try:
                return expand_sam(template)
            except InvalidTemplateError as error:
                raise ValidationError(message=str(error)) from error
        try:
            return json.loads(template)
        except ValueError:
            pass
        try:
            return as_yaml(template)
        except (ValueError, yaml.YAMLError) as error:
            raise ValidationError(message="Template format error: it is neither JSON nor YAML.") from error

    def read_of_change_set(change_set: ChangeSet) -> None:
        change_set.template_dict = read(change_set.template)
        # moto gives the exports of other stacks to a stack that is created at once only
        stack = change_set.stack
        backend = cloudformation_backends[stack.account_id][stack.region_name]
        stack.resource_map.cross_stack_resources = backend.exports

    read_of_s3 = CloudFormationResponse._get_stack_from_s3_url

    def read_by_path(response: CloudFormationResponse, url: str) -> str:
        """moto reads the bucket from the host's name, which is this machine's address here."""
        return read_of_s3(response, f"https://s3.amazonaws.com{urlsplit(url).path}")

    return install(
        (Stack, "parse_template", staticmethod(read)),
        (ChangeSet, "_parse_template", read_of_change_set),
        (ChangeSet, "apply", _with_outputs(ChangeSet.apply)),
        (CloudFormationResponse, "_get_stack_from_s3_url", read_by_path),
    )


def _with_outputs(apply: Callable[[ChangeSet], None]) -> Callable[[ChangeSet], None]:
    """moto gives outputs and exports only to stacks that are created without a change set."""

    @wraps(apply)
    def applied(change_set: ChangeSet) -> None:
        apply(change_set)
        stack = change_set.stack
        stack.template_dict = change_set.template_dict
        stack.output_map = stack._create_output_map()
        exports = cloudformation_backends[stack.account_id][stack.region_name].exports
        exports.update({one.name: one for one in stack.exports})

    return applied
