"""What works in a process that has built no model so far, as each command and each cold start is."""

import subprocess
import sys

WRITES_A_DOCUMENT = """
from kinesight.domain.configuration.document import ConfigurationDocument
detectors = {"faces": {"type": "REKOGNITION_FACES"}}
print(ConfigurationDocument.model_validate({"schemaVersion": 1, "detectors": detectors}).model_dump_json())
"""


def test_a_document_with_detectors_is_written_as_it_was_read() -> None:
    done = subprocess.run([sys.executable, "-c", WRITES_A_DOCUMENT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "REKOGNITION_FACES" in done.stdout
