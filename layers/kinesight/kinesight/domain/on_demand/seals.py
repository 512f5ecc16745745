"""Seals of the documents that an execution writes to S3 and reads back: an HMAC under a key that is in the execution's
state alone. Others that write to the images bucket, such as cameras, cannot forge a plan, manifest or report.

A plan without a key is of a version that wrote no seals; its documents are not checked.
"""

import hmac
import re
from dataclasses import replace

from pydantic import ValidationError

from kinesight.domain.errors import ForgedDocumentError
from kinesight.domain.model import Value
from kinesight.domain.on_demand.messages import WINDOW, WINDOWS, RangePlan
from kinesight.domain.on_demand.windows import Window
from kinesight.domain.ports import WorkStore

_SEALED = re.compile(rb'\{"seal":"(?P<seal>[0-9a-f]{64})",')


def write_document(plan: RangePlan, key: str, document: Value, work: WorkStore) -> None:
    """Writes a document as JSON, sealed in its first field. Raises StorageBusyError."""
    body = document.model_dump_json(by_alias=True).encode()
    if plan.seal_key:
        body = b'{"seal":"%s",%s' % (_seal(plan, key, body).encode(), body[1:])
    work.write(key, body, "application/json")


def read_document(plan: RangePlan, key: str, work: WorkStore) -> bytes | None:
    """Returns the JSON, or None if there is no document. Raises StorageBusyError, ForgedDocumentError."""
    body = work.read(key)
    if body is None or not plan.seal_key:
        return body
    match = _SEALED.match(body)
    plain = b"{" + body[match.end() :] if match else b""
    _check(match["seal"].decode() if match else "", _seal(plan, key, plain), key)
    return plain


def sealed_window(plan: RangePlan, window: Window) -> Window:
    """Returns a window with its seal. Step Functions rewrites the JSON around it, so the seal is of its values."""
    return replace(window, seal=_window_seal(plan, window)) if plan.seal_key else window


def check_window(plan: RangePlan, window: Window) -> None:
    """Raises ForgedDocumentError."""
    if plan.seal_key:
        _check(window.seal, _window_seal(plan, window), f"window {window.index} of {plan.windows_key}")


def read_windows(plan: RangePlan, work: WorkStore) -> list[Window] | None:
    """Returns the windows of the plan, or None if they have expired. Raises StorageBusyError, ForgedDocumentError."""
    body = work.read(plan.windows_key)
    if body is None:
        return None
    try:
        windows = WINDOWS.validate_json(body)
    except ValidationError as error:
        raise _forged(plan.windows_key) from error
    for window in windows:
        check_window(plan, window)
    if plan.seal_key and [one.index for one in windows] != list(range(plan.windows)):
        raise _forged(plan.windows_key)
    return windows


def _window_seal(plan: RangePlan, window: Window) -> str:
    return _seal(plan, plan.windows_key, WINDOW.dump_json(replace(window, seal="")))


def _seal(plan: RangePlan, key: str, body: bytes) -> str:
    return hmac.digest(plan.seal_key.encode(), key.encode() + b"\n" + body, "sha256").hex()


def _check(seal: str, right: str, what: str) -> None:
    if not hmac.compare_digest(seal.encode(errors="replace"), right.encode()):
        raise _forged(what)


def _forged(what: str) -> ForgedDocumentError:
    return ForgedDocumentError(
        f"{what} was not written by this execution, or by another version while the stack was updated: if it was not "
        "updated, find out who else writes to on-demand/ of the images bucket; then start the range again"
    )
