"""SQS queues that lose no messages under concurrency and stay fast with many messages.

moto's server uses many threads. Its queues delete a message by building a new list of messages: of two overlapping
deletions, the later one removes messages that were sent in between. moto also iterates over all messages of a queue for
every message that is sent or received.
"""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from threading import RLock
from typing import Any

from moto.sqs.models import Message, Queue, SQSBackend

from kinesight_local.moto_support.patches import install, locked

_POLL_S = 1


def make_queues_safe() -> Callable[[], None]:
    """Installs the lock and the fast versions. Call the result to restore moto."""
    lock = RLock()
    return install(
        (Queue, "add_message", locked(Queue.add_message, lock)),
        (Queue, "delete_message", locked(Queue.delete_message, lock)),
        (SQSBackend, "receive_message", _receiving(SQSBackend.receive_message, lock)),
        (SQSBackend, "is_message_valid_based_on_retention_period", _is_retained),
        # moto creates four dates for each of these
        (Message, "visible", property(lambda message: 1000 * time.time() > message.visible_at)),
        (Message, "delayed", property(lambda message: 1000 * time.time() < message.delayed_until)),
    )


def _receiving(receive_message: Callable[..., list[Message]], lock: RLock) -> Callable[..., list[Message]]:
    @wraps(receive_message)
    def receive(
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: Sequence[str] | None = None,
    ) -> list[Message]:
        """Waits for messages without holding the lock."""
        deadline_s = time.monotonic() + int(wait_seconds_timeout or 0)
        while True:
            with lock:
                found = receive_message(backend, queue_name, count, 0, visibility_timeout, message_attribute_names)
            if found or time.monotonic() >= deadline_s:
                return found
            backend.get_queue(queue_name).wait_for_messages(_POLL_S)

    return receive


def _is_retained(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    queue: Any = backend.get_queue(queue_name)
    sent: Any = message.sent_timestamp
    return bool(sent / 1000 + queue.message_retention_period > time.time())
