"""Names of a model's classes, as the parameters ModelLabels and ModelLabelsUri had them."""

import re
from typing import Any

from kinesight.domain.detectors.catalogue.own_models import MOST_CLASSES
from kinesight.domain.json_text import parse_json

from kinesight_cli.migrate.migration import MigrationError


def separated_names(text: str) -> list[str]:
    """Returns names that were separated by commas, from class 0 on. An empty one counts, but names nothing."""
    names = [name.strip() for name in text.split(",")]
    return names if any(names) else []


def names_of_file(name: str, text: str) -> list[str]:
    """Returns the names from class 0 on; "" for a class without one.

    `text`: of the file that the parameter `name` was the address of: a JSON list, a JSON object of class and name, or a
    name a line. Raises MigrationError for another text, and for the address itself.
    """
    if text.startswith("s3://"):
        raise MigrationError(
            f"{name} is {text}, and class names are in the configuration document now. Copy the file, "
            f"aws s3 cp {text} class-names, and add --class-names class-names"
        )
    if not text.lstrip().startswith(("[", "{")):
        return [line.strip() for line in text.splitlines()]
    listed = _listed(_parsed(text))
    wrong = [index for index, one in enumerate(listed) if not isinstance(one, str)]
    if wrong:
        raise MigrationError(f"the file of --class-names has a name of class {wrong[0]} that is not a text")
    return [one.strip() for one in listed]


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise MigrationError(f"the file of --class-names is not valid JSON: {error}") from error


def _listed(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    wrong = [key for key in document if not re.fullmatch("[0-9]{1,6}", key) or int(key) >= MOST_CLASSES]
    if wrong:
        known = f"a class from 0 to {MOST_CLASSES - 1}"
        raise MigrationError(f"the file of --class-names names {wrong[0]!r}, which is not {known}: remove it")
    by_class = {int(key): value for key, value in document.items()}
    return [by_class.get(index, "") for index in range(max(by_class, default=-1) + 1)]
