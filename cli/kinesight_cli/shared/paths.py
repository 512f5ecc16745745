"""Paths of the checkout that the commands run in."""

from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[3]
TEMPLATE = PROJECT_DIR / "template.yaml"
STATE_DIR = Path(".kinesight")
"""Streams and logs of the local cloud, below the working directory."""
