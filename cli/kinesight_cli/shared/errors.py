"""Base class of the errors that a command reports without a traceback."""


class CommandError(Exception):
    """The message says what happened, why, and what to do next."""
