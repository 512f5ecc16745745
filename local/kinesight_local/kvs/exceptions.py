"""KVS's errors: code, HTTP status, message."""


class KvsError(Exception):
    """Sent as the service would: `x-amzn-ErrorType` and a JSON body with Message."""

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


class ClientLimitExceededError(KvsError):
    code, status = "ClientLimitExceededException", 400


class ConnectionLimitExceededError(KvsError):
    code, status = "ConnectionLimitExceededException", 400


class AccountStreamLimitExceededError(KvsError):
    code, status = "AccountStreamLimitExceededException", 400


class NotAuthorizedError(KvsError):
    code, status = "NotAuthorizedException", 401


class UnsupportedStreamMediaTypeError(KvsError):
    code, status = "UnsupportedStreamMediaTypeException", 400


class MissingCodecPrivateDataError(KvsError):
    code, status = "MissingCodecPrivateDataException", 400


class InvalidCodecPrivateDataError(KvsError):
    code, status = "InvalidCodecPrivateDataException", 400


class InvalidMediaFrameError(KvsError):
    code, status = "InvalidMediaFrameException", 400


class InjectedError(KvsError):
    """A fault rule's error."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__("A fault rule failed this call.")
        self.code, self.status = code, status


class NotImplementedHereError(KvsError):
    """An operation of the real service that this emulator does not have."""

    code, status = "NotImplementedException", 501


class UnknownOperationError(KvsError):
    code, status = "UnknownOperationException", 404
