"""The page at `/approvals`, on which an approver settles requests with their own token.

It holds no approvals itself: its script reads them with the token, which stays in its field.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from ....settings.hosting import Hosting
from .page_assets import page_endpoint
from .service_info import ServiceInfo


def approvals_page(hosting: Hosting, info: ServiceInfo) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the page, which answers the same HTML to every request."""
    return page_endpoint("approvals", lambda: {"hosting": hosting, "info": info})
