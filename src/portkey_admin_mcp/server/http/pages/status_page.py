"""The status page at `/`, rendered once from its template."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from ....clients.servers import TOKEN_VARIABLE
from ....settings.hosting import Hosting
from ..access.auth import challenge_url
from .client_configs import client_configs
from .page_assets import page_endpoint
from .paths import MCP
from .service_info import ServiceInfo


def status_page(hosting: Hosting, info: ServiceInfo) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the status page, which answers the same HTML to every request."""
    endpoint = f"{hosting.base_url}{MCP}"
    return page_endpoint(
        "status",
        lambda: {
            "hosting": hosting,
            "info": info,
            "endpoint": endpoint,
            "metadata": challenge_url(hosting),
            "domains": sorted(info.domains.items()),
            "clients": client_configs(
                endpoint,
                with_token=hosting.auth_mode == "bearer",
                with_key=hosting.key_mode == "caller",
            ),
            "token_variable": TOKEN_VARIABLE,
            "started": datetime.fromtimestamp(info.started, UTC),
        },
    )
