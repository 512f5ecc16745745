"""Errors of the services: code, HTTP status, message."""


class VisionError(Exception):
    """Sent as the service would."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
