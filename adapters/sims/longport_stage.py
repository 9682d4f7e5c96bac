"""A world with its doors; another world can take its place while the port stays open."""

from aiohttp import web

from adapters.sims.longport_api import Api
from adapters.sims.longport_gateway import Gateway
from adapters.sims.longport_notices import TradeDesk
from adapters.sims.longport_quotes import QuoteDesk
from adapters.sims.longport_sockets import Channel, Sockets
from adapters.sims.longport_world import Setup, World

# The largest world a control may be given: thousands of bars of dozens of securities.
LARGEST_REQUEST = 64 * 1024 * 1024


class Stage:
    """What is behind the port now."""

    def __init__(self, setup: Setup) -> None:
        self.begin(setup)

    def begin(self, setup: Setup) -> None:
        """Let there be a new world."""
        self.world = World(setup)
        self.sockets = Sockets(self.world)
        QuoteDesk(self.world, self.sockets)
        TradeDesk(self.world, self.sockets)
        self._gateway = Gateway(self.world, Api(self.world, self.sockets.online))

    def routes(self) -> web.Application:
        """The API over HTTP, and the two sockets."""
        app = web.Application(client_max_size=LARGEST_REQUEST)
        for channel in Channel:
            app.router.add_get(f"/{channel}", self._socket)
        app.router.add_route("*", "/{rest:.*}", self._call)
        return app

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        return await self.sockets.serve(Channel(request.path.strip("/")), request)

    async def _call(self, request: web.Request) -> web.Response:
        return await self._gateway.answer(request)
