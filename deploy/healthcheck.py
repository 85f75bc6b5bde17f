"""The image's HEALTHCHECK: exits with 0 if the service in this container answers /health.

It calls the loopback address, whose Host is always accepted, and uses no proxy. With
MCP_TLS_CA_PATH it would need a client certificate: run the container with --no-healthcheck.
"""

import os
import ssl
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

settings = os.environ  # noqa: TID251  # a script of its own: the package is not imported
port = settings.get("MCP_PORT") or settings.get("PORT") or "3000"
scheme = "https" if settings.get("MCP_TLS_CERT_PATH") else "http"

# The certificate is not for this address, and nothing secret is sent.
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
opener.open(f"{scheme}://127.0.0.1:{port}/health", timeout=4).close()
