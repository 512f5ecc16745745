"""The URLs of HLS sessions. Players in browsers have other origins, so every origin is allowed."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kinesight_local.kvs.exceptions import InvalidArgumentError, KvsError
from kinesight_local.kvs.http.error_responses import error_response
from kinesight_local.kvs.operations.hls import FOLDER, Hls
from kinesight_local.kvs.quotas import Quotas

_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PLAYLIST = "application/vnd.apple.mpegurl"


def hls_routes(hls: Hls, quotas: Quotas) -> list[Route]:
    """Playlists and segments."""
    playlists: dict[str, Callable[[str], str]] = {
        "getHLSMasterPlaylist.m3u8": hls.master,
        "getHLSMediaPlaylist.m3u8": hls.playlist,
    }
    segments: dict[str, tuple[str, Callable[[str, str], bytes]]] = {
        "getMP4InitFragment.mp4": ("video/mp4", hls.init_segment),
        "getMP4MediaFragment.mp4": ("video/mp4", hls.mp4_segment),
        "getTSFragment.ts": ("video/mp2t", hls.ts_segment),
    }

    async def respond(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            token = _required(request, "SessionToken")
            quotas.charge_session(token, is_playlist=name in playlists)
            if name in playlists:
                text = await run_in_threadpool(playlists[name], token)
                return Response(text, media_type=_PLAYLIST, headers=_ANY_ORIGIN)
            kind, read = segments[name]
            data = await run_in_threadpool(read, token, _required(request, "FragmentNumber"))
        except KvsError as error:
            response = error_response(error)
            response.headers.update(_ANY_ORIGIN)
            return response
        return Response(data, media_type=kind, headers=_ANY_ORIGIN)

    async def find(request: Request) -> Response:
        known = request.path_params["name"] in playlists | segments
        return await respond(request) if known else Response(status_code=404)

    return [Route(f"{FOLDER}/{{name}}", find)]


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise InvalidArgumentError(f"{name} is required.")
    return value
