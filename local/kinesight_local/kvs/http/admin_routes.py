"""The emulator's admin API below `/_kinesight/`."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.faults import Faults, InvalidFaultsError
from kinesight_local.kvs.service import KvsService


def admin_routes(service: KvsService) -> list[Route]:
    """Health, statistics per stream, fault rules."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def statistics(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(service.statistics, request.path_params["name"]))

    async def faults(request: Request) -> Response:
        if request.method == "PUT":
            try:
                service.faults.set(Faults.parse(await request.body()))
            except InvalidFaultsError as error:
                raise InvalidArgumentError(str(error)) from error
        if request.method == "DELETE":
            service.faults.clear()
        return JSONResponse(service.faults.report())

    return [
        Route("/_kinesight/health", health),
        Route("/_kinesight/streams/{name}", statistics),
        Route("/_kinesight/faults", faults, methods=["GET", "PUT", "DELETE"]),
    ]
