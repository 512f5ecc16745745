"""Requests as they are, however strange: clients tidy paths."""

import http.client
from urllib.parse import urlsplit

from kinesight_local.viewer import ViewerServer


def raw(viewer: ViewerServer, path: str, **headers: str) -> tuple[int, bytes]:
    """A GET of exactly this path, with the token unless a header says otherwise: status and body."""
    connection = http.client.HTTPConnection(urlsplit(viewer.url).netloc, timeout=60)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in {"Authorization": f"Bearer {viewer.token}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found
