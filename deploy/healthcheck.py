"""The image's HEALTHCHECK: ends with 0 if the service in this container answers /health.

Asks loopback, whose Host is always allowed, and no proxy. Behind MCP_TLS_CA_PATH, where it would
need a client certificate, run the container with --no-healthcheck.
"""

import os
import ssl
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

settings = os.environ  # noqa: TID251  # a script of its own: the package is not imported
port = settings.get("MCP_PORT") or settings.get("PORT") or "3000"
scheme = "https" if settings.get("MCP_TLS_CERT_PATH") else "http"

# The certificate names the public host, not this address; what is asked is no secret.
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
opener.open(f"{scheme}://127.0.0.1:{port}/health", timeout=4).close()
