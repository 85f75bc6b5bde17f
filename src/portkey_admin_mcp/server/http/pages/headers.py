"""The headers of pages: no cache, and no script, style or address but the page's own."""

import base64
import hashlib

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Content-Type, If-None-Match",
    "Access-Control-Expose-Headers": "ETag",
}
"""Lets pages of every origin read a public document, as SEP-2127 says."""


def page_headers(style: str, script: str) -> dict[str, str]:
    """The headers of a page with this inline style and script.

    The Content-Security-Policy allows these and images in the page, and nothing else.
    """
    policy = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
    return {
        **NO_STORE,
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }


def _hash(text: str) -> str:
    """The hash of an inline style or script, as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
