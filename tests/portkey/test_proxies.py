"""Which proxy a request goes through, and which hosts NO_PROXY exempts."""

import os

import pytest

from portkey_admin_mcp.portkey.proxies import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


EXEMPT = [
    ("api.portkey.ai", "https://api.portkey.ai"),
    ("API.Portkey.AI", "https://api.portkey.ai"),
    ("portkey.ai", "https://api.portkey.ai"),
    (".portkey.ai", "https://api.portkey.ai"),
    (".portkey.ai", "https://portkey.ai"),
    ("*.portkey.ai", "https://api.portkey.ai"),
    ("*.portkey.ai", "https://a.b.portkey.ai"),
    ("portkey.ai.", "https://api.portkey.ai"),
    ("a.example, portkey.ai ,b.example", "https://mcp.portkey.ai"),
    ("*", "https://api.portkey.ai"),
    ("a.example,*", "https://configs.portkey.ai"),
    ("api.portkey.ai:443", "https://api.portkey.ai"),
    ("api.portkey.ai:80", "http://api.portkey.ai"),
    ("portkey.example:8443", "https://portkey.example:8443"),
    ("portkey.example:8443", "https://mcp.portkey.example:8443"),
    ("*.portkey.example:8443", "https://mcp.portkey.example:8443"),
    ("10.1.2.3", "http://10.1.2.3:8080"),
    ("10.1.2.3:8080", "http://10.1.2.3:8080"),
    ("10.0.0.0/8", "http://10.1.2.3:8080"),
    ("10.1.2.3/8", "http://10.9.9.9"),
    ("fd00::1", "http://[fd00::1]:8080"),
    ("[fd00::1]", "http://[fd00::1]:8080"),
    ("[fd00:0:0::1]", "http://[fd00::1]:8080"),
    ("[fd00::1]:8080", "http://[fd00::1]:8080"),
    ("[fd00::]/8", "http://[fd00::1]"),
    ("fd00::/8", "http://[fdab::1]"),
    ("::1", "http://[::1]:8788"),
]


def proxies_of(monkeypatch, cases):
    """The proxy of each URL, by the value of NO_PROXY and the URL."""
    monkeypatch.setenv("ALL_PROXY", PROXY)
    proxies = {}
    for exemptions, url in cases:
        monkeypatch.setenv("NO_PROXY", exemptions)
        proxies[exemptions, url] = proxy_for(url)
    return proxies


def test_an_exempt_host_needs_no_proxy(monkeypatch):
    assert proxies_of(monkeypatch, EXEMPT) == dict.fromkeys(EXEMPT)


NOT_EXEMPT = [
    ("", "https://api.portkey.ai"),
    (",", "https://api.portkey.ai"),
    (".", "https://api.portkey.ai"),
    ("*.", "https://api.portkey.ai"),
    ("ortkey.ai", "https://api.portkey.ai"),
    ("api.portkey.ai.example", "https://api.portkey.ai"),
    ("*.portkey.ai", "https://portkey.ai"),
    ("*.portkey.ai", "https://notportkey.ai"),
    ("api.portkey.ai:80", "https://api.portkey.ai"),
    ("portkey.example:8443", "https://portkey.example"),
    ("portkey.example:8443", "https://portkey.example:18443"),
    ("10.0.0.0/8", "http://11.0.0.1"),
    ("10.0.0.0/8", "http://10.example"),
    ("10.0.0.0/99", "http://10.0.0.1"),
    ("10.1.2", "http://10.1.2.3"),
    ("[fd00::]/8", "http://[fe00::1]"),
    ("[fd00::]/8", "http://10.0.0.1"),
    ("[fd00::1]:8080", "http://[fd00::1]:9090"),
    ("[fd00::1", "http://[fd00::1]"),
    ("[]", "http://[fd00::1]"),
    (":443", "https://api.portkey.ai"),
]


def test_another_host_needs_it(monkeypatch):
    assert proxies_of(monkeypatch, NOT_EXEMPT) == dict.fromkeys(NOT_EXEMPT, PROXY)


def test_the_variable_of_the_scheme_comes_before_the_one_for_all(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://secure.example:1")
    monkeypatch.setenv("ALL_PROXY", PROXY)

    assert proxy_for("https://api.portkey.ai") == "http://secure.example:1"
    assert proxy_for("http://api.portkey.ai") == PROXY


def test_without_a_variable_there_is_no_proxy():
    assert proxy_for("https://api.portkey.ai") is None
