"""Python runs this first in each function of the local cloud.

This installation has packages that botocore imports if they are present, and that the functions' layers do not have.
Importing them takes a fourth of a cold start.
"""

import sys

sys.modules["awscrt"] = None  # type: ignore[assignment]  # Python's way to say that a module is missing
sys.modules["OpenSSL"] = None  # type: ignore[assignment]  # likewise
