"""KVS's errors: code, HTTP status, message."""


class KvsError(Exception):
    """Answered as the service would: `x-amzn-ErrorType` and a JSON body with Message."""

    code = "InternalFailure"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgumentError(KvsError):
    code, status = "InvalidArgumentException", 400


class ResourceNotFoundError(KvsError):
    code, status = "ResourceNotFoundException", 404


class ResourceInUseError(KvsError):
    code, status = "ResourceInUseException", 400


class VersionMismatchError(KvsError):
    code, status = "VersionMismatchException", 400


class NoDataRetentionError(KvsError):
    code, status = "NoDataRetentionException", 400


class TagsPerResourceExceededError(KvsError):
    code, status = "TagsPerResourceExceededLimitException", 400


class NotImplementedHereError(KvsError):
    """An operation of the real service that this emulator does not have."""

    code, status = "NotImplementedException", 501


class UnknownOperationError(KvsError):
    code, status = "UnknownOperationException", 404
