"""How many examples a property is tried on: few in `make test`, many in `make test-all`, very many in `make fuzz`."""

import os

from hypothesis import settings

FEWEST = 20
_QUICK, _THOROUGH, _LONG = "quick", "thorough", "long"
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", _QUICK)


def load_profile() -> None:
    """Sets what every property has that has no number of its own. A busy machine is no failure: no deadline."""
    settings.register_profile(_QUICK, max_examples=25, deadline=None)
    settings.register_profile(_THOROUGH, max_examples=100, deadline=None)
    settings.register_profile(_LONG, max_examples=5000, deadline=None)
    settings.load_profile(_PROFILE)


def examples(thorough: int) -> int:
    """The number for a property with one of its own: `thorough`, and in `make test` a quarter of it, at least 20."""
    return thorough if _PROFILE != _QUICK else max(FEWEST, thorough // 4)
