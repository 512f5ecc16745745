"""Configuration of the AWS clients that the commands create."""

from botocore.config import Config

CLIENT_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
