"""The client of Portkey: against real servers on loopback, well-behaved and otherwise."""

import asyncio
import contextlib
import datetime as dt
import gzip
import ipaddress
import json
import logging
import math
import os
import re
import ssl
import time
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, unquote

import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from fake_portkey import Answer, Behaviour, FakePortkey, nobody_listening
from faulty_server import CLOSE, FLOOD, FaultyServer
from portkey_admin_mcp.errors import (
    ApiError,
    ConfigurationError,
    Conflict,
    Forbidden,
    InputError,
    NotAvailable,
    NotFound,
    OutcomeUnknown,
    PortkeyAdminError,
    RateLimited,
    Redirected,
    Rejected,
    SubscriptionExhausted,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from portkey_admin_mcp.models.core.base import ABSENT, Arguments, Record
from portkey_admin_mcp.portkey.api import MAX_TARGET_LENGTH, Portkey
from portkey_admin_mcp.portkey.retries import MAX_ATTEMPTS, MAX_RETRY_AFTER_S, MAX_RETRY_S
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import Settings, load_settings
from texts import any_text

KEY = "pk-s3cret/+"
VERBS = ["GET", "POST", "PUT", "DELETE"]
WRITES = VERBS[1:]
TROUBLES = ["silence", "close", "cut", "reset"]


class Note(Arguments):
    text: Any = ABSENT
    when: int | None = ABSENT
    on: bool = ABSENT
    tags: list[str] = ABSENT
    filter: dict[str, Any] = ABSENT


class Recorder:
    """A transport that remembers the requests and answers them all alike."""

    def __init__(self, status: int = 200, content: bytes = b"{}", **headers: str) -> None:
        self.answer = (status, headers, content)
        self.requests: list[tuple[str, str]] = []

    async def __call__(self, method, target, headers, body):
        self.requests.append((method, target))
        return self.answer


class InTurn:
    """A transport that hands each attempt to the next of several; the last one serves the rest."""

    def __init__(self, *transports) -> None:
        self.transports = list(transports)

    async def __call__(self, *request):
        first, *others = self.transports
        self.transports = others or [first]
        return await first(*request)


def settings_for(url: str, **variables: Any) -> Settings:
    return load_settings(
        PORTKEY_API_KEY=KEY,
        PORTKEY_BASE_URL=url,
        PORTKEY_ALLOW_PRIVATE_BASE_URL=True,
        PORTKEY_ALLOW_INSECURE_HTTP=True,
        **variables,
    )


def over(transport) -> Portkey:
    return Portkey(settings_for("https://api.portkey.ai/v1"), transport)


async def send(api: Portkey, verb: str) -> Record:
    """Make the usual request of this verb."""
    match verb:
        case "GET":
            return await api.send("GET", "/notes/{id}", ids={"id": "n-1"}, returns=Record)
        case "POST":
            return await api.send("POST", "/notes", body=[Note(text="x")], returns=Record)
        case "PUT":
            return await api.send(
                "PUT", "/notes/{id}", ids={"id": "n-1"}, body=[Note(text="x")], returns=Record
            )
        case _:
            return await api.send("DELETE", "/notes/{id}", ids={"id": "n-1"}, returns=Record)


async def failure(api: Portkey, verb: str = "GET") -> ApiError:
    """The error that the usual request ends in."""
    with pytest.raises(PortkeyAdminError) as caught:
        await send(api, verb)
    return caught.value


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch, tmp_path):
    """No proxy and no authorities of this machine, and retries without a pause."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_"):
            monkeypatch.delenv(name)
    # An empty directory: to read all the authorities there are takes a tenth of a second.
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with stamina.set_testing(True, attempts=MAX_ATTEMPTS, cap=True):
        yield


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        yield fake


@pytest.fixture
async def network():
    """Make the way to a base URL; its connections end with the test."""
    created = []

    def to(url: str, **variables: Any) -> Network:
        created.append(Network(settings_for(url, **variables)))
        return created[-1]

    yield to
    for one in created:
        await one.close()


@pytest.fixture
def client_of(network):
    """Make a client of a base URL."""
    return lambda url, **variables: over(network(url, **variables))


@pytest.fixture
def api(client_of, fake) -> Portkey:
    return client_of(fake.url, PORTKEY_TIMEOUT_MS=5000)


@pytest.fixture
def failing_api(client_of, fake):
    """A client whose next request meets this fault; silence it bears for a fifth of a second."""

    def by(*behaviours: Behaviour) -> Portkey:
        fake.script(behaviours)
        return client_of(fake.url, PORTKEY_TIMEOUT_MS=200 if "silence" in behaviours else 5000)

    return by


# What is sent


@pytest.mark.parametrize("verb", VERBS)
async def test_the_key_is_in_its_header_and_nowhere_else(api, fake, verb):
    await send(api, verb)

    (request,) = fake.requests
    assert request.headers.pop("x-portkey-api-key") == KEY
    assert KEY not in f"{request}"
    assert not {"authorization", "cookie"} & request.headers.keys()
    assert request.headers["user-agent"].startswith("portkey-admin-mcp/")


async def test_a_body_is_json_under_its_type(api, fake):
    note = Note(text=["ü", {"a": None}], when=None)

    await api.send("POST", "/notes", body=[note], returns=Record)

    (request,) = fake.requests
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"text": ["ü", {"a": None}], "when": None}


async def test_a_read_has_no_body_and_says_its_arguments_in_the_query(api, fake):
    note = Note(text="a&b=c d+é", when=None, on=True, tags=["x", "y"], filter={"a": [1]})

    await api.send("GET", "/notes", query=[note], returns=Record)

    (request,) = fake.requests
    assert request.body == b""
    assert "content-type" not in request.headers
    assert request.target == (
        "/v1/notes?text=a%26b%3Dc+d%2B%C3%A9&on=true&tags=x%2Cy&filter=%7B%22a%22%3A%5B1%5D%7D"
    )


async def test_a_delete_may_carry_a_body_and_a_query(api, fake):
    query, body = [Note(on=False)], [Note(text="x")]

    await api.send("DELETE", "/notes", query=query, body=body, returns=Record)

    (request,) = fake.requests
    assert (request.method, request.target) == ("DELETE", "/v1/notes?on=false")
    assert json.loads(request.body) == {"text": "x"}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_base_url_may_end_in_a_slash(client_of, fake, slash):
    await send(client_of(fake.url + slash), "GET")

    assert fake.requests[0].target == "/v1/notes/n-1"


@given(first=any_text(min_size=1), second=any_text(min_size=1))
@example("../..", "%2e%2e")
@example("a/b", "a%2Fb")
@example("?a=1#b", "...")
@example("\r\nx-evil: 1", "\x00\x1b\x7f")
@example("\\..\\", ";..")
async def test_an_id_stays_one_segment_of_the_path(first, second):
    dots = {first, second} & {".", ".."}
    portkey = Recorder()

    with pytest.raises(InputError) if dots else contextlib.nullcontext():
        await over(portkey).send(
            "DELETE", "/a/{x}/b/{y}", ids={"x": first, "y": second}, returns=Record
        )

    if dots:
        assert portkey.requests == []
    else:
        ((_, target),) = portkey.requests
        assert target.isascii() and target.isprintable()
        segments = target.removeprefix("/v1").split("/")
        assert [unquote(segment) for segment in segments] == ["", "a", first, "b", second]
        assert not {"?", "#", " "} & set(target)


async def test_an_id_stays_one_segment_on_the_wire(api, fake):
    ids = ["../../admin", "%2e%2e", "a/b", "a%2Fb", "?x=1", "#x", "\r\nx: 1", "\\..", "ü", " . "]

    for id in ids:
        await api.send("GET", "/notes/{id}/versions", ids={"id": id}, returns=Record)

    assert [unquote(r.target.split("/")[3]) for r in fake.requests] == ids
    assert {r.target.count("/") for r in fake.requests} == {4}
    assert {r.target.rpartition("/")[2] for r in fake.requests} == {"versions"}


@pytest.mark.parametrize("id", ["", ".", ".."])
async def test_an_id_that_would_be_another_path_is_not_sent(api, fake, id):
    with pytest.raises(InputError, match="note_id cannot be"):
        await api.send("DELETE", "/notes/{note_id}", ids={"note_id": id}, returns=Record)

    assert fake.requests == []


async def test_an_id_too_long_for_an_address_is_not_sent(api, fake):
    with pytest.raises(InputError, match="too long"):
        await api.send("GET", "/notes/{id}", ids={"id": "x" * 70_000}, returns=Record)

    assert fake.requests == []


@pytest.mark.parametrize(("spare", "is_sent"), [(0, True), (-1, False)])
async def test_an_address_may_be_exactly_as_long_as_the_limit(spare, is_sent):
    recorder = Recorder()
    id = "x" * (MAX_TARGET_LENGTH - len("/v1/notes/") - spare)

    with contextlib.nullcontext() if is_sent else pytest.raises(InputError, match="too long"):
        await over(recorder).send("GET", "/notes/{id}", ids={"id": id}, returns=Record)

    assert bool(recorder.requests) == is_sent


def name(behaviour: Any) -> str | None:
    return str(behaviour.status) if isinstance(behaviour, Answer) else None


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Sum(Arguments):
    def wire(self) -> dict[str, Any]:
        return {"total": math.nan}


@pytest.mark.parametrize("body", [Sum(), Note(text=nested(100_000)), Note(text=10**5000)])
async def test_what_json_cannot_say_is_not_sent(api, fake, body):
    with pytest.raises(InputError, match="argument"):
        await api.send("POST", "/notes", body=[body], returns=Record)

    assert fake.requests == []


@pytest.mark.parametrize("verb", VERBS)
async def test_without_a_key_nothing_is_sent(fake, verb):
    unset = settings_for(fake.url).model_copy(update={"api_key": None})

    error = await failure(Portkey(unset), verb)

    assert isinstance(error, ConfigurationError)
    assert "PORTKEY_API_KEY is not set" in str(error)
    assert fake.requests == []


# What is answered


async def test_an_answer_is_read_word_for_word(api, fake):
    body = {"id": "n-1", "unheard_of": [1, 2.5, None, {"ü": True}]}
    fake.script([Answer(body=body)])

    assert (await send(api, "GET")).answer() == body


@pytest.mark.parametrize("verb", VERBS)
async def test_an_empty_answer_is_a_success(api, fake, verb):
    for answer in (Answer(204, b""), Answer(200, b""), Answer(200, b" \r\n"), Answer(200, b"{}")):
        fake.script([answer])

        assert (await send(api, verb)).answer() == {}, answer


NOT_JSON = [
    b"<html>Sign in</html>", b"{", b'{"cost": NaN}', b'{"a": 1} x', b"\xff\xfe", b"[" * 100_000
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
async def test_a_success_that_is_not_json_is_unexpected_and_not_repeated(api, fake, verb):
    for content in NOT_JSON:
        fake.script([Answer(200, content)])

        error = await failure(api, verb)

        assert isinstance(error, UnexpectedAnswer), content[:9]
        assert len(fake.requests) == 1, content[:9]


async def test_an_answer_may_be_compressed(api, fake):
    fake.script(
        [Answer(body=gzip.compress(b'{"id": "n-1"}'), headers={"content-encoding": "gzip"})]
    )

    assert (await send(api, "GET")).answer() == {"id": "n-1"}


OTHERWISE = [
    (300, Redirected),
    (302, Redirected),
    (308, Redirected),
    (400, Rejected),
    (401, Unauthenticated),
    (402, SubscriptionExhausted),
    (403, Forbidden),
    (404, NotFound),
    (405, NotAvailable),
    (409, Conflict),
    (412, Rejected),
    (422, Rejected),
]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_status_becomes_its_error_at_once(api, fake, verb):
    for status, kind in OTHERWISE:
        fake.script([Answer(status, {"message": "no", "code": "AB00"})])

        error = await failure(api, verb)

        assert type(error) is kind, status
        assert (error.status, error.code, str(error)) == (status, "AB00", "no")
        assert error.request == f"{verb} /notes" + ("" if verb == "POST" else "/{id}")
        assert len(fake.requests) == 1, status


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"success": False, "data": {"message": "No", "errorCode": "AB03"}}, "No", "AB03"),
        ({"success": False, "data": {"message": "No"}}, "No", None),
        ({"error": {"message": "No", "code": "c", "param": None, "type": "t"}}, "No", "c"),
        (
            {"status_code": 400, "success": False, "error": {"message": "No", "slug": "s"}},
            "No",
            "s",
        ),
        ({"error": {"message": "No", "code": 17}}, "No", "17"),
        ({"message": "No", "code": "c"}, "No", "c"),
        ({"errorCode": "AB01", "message": "No"}, "No", "AB01"),
        ({"error": "No"}, "No", None),
        ({"data": None, "error": {"message": "No"}}, "No", None),
        ({"error": True, "message": "No", "code": "c"}, "No", "c"),
        ({"data": [], "error": {}, "message": "No"}, "No", None),
        ({"message": ["No"]}, "['No']", None),
        ({"data": {"message": None}}, "(no message)", None),
        ({}, "(no message)", None),
        (["No"], "(no message)", None),
        (b"", "(no message)", None),
        (b"<html>No</html>", "(no message)", None),
        (b"\xff", "(no message)", None),
    ],
)
async def test_an_error_is_read_in_every_form_portkey_writes_it(api, fake, body, message, code):
    fake.script([Answer(400, body)])

    error = await failure(api)

    assert (str(error), error.code) == (message, code)


@given(
    content=st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | any_text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "error", "message", "errorCode", "code"]) | any_text(),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 302, 400, 429, 503]),
)
async def test_no_answer_whatsoever_is_more_than_an_error(content, status):
    portkey = over(Recorder(status, content))

    with contextlib.suppress(ApiError):
        assert isinstance(await send(portkey, "POST"), Record)


@pytest.mark.parametrize("echo", [KEY, KEY.replace("/", "\\/")])
async def test_a_key_that_comes_back_in_an_error_is_redacted(api, fake, echo):
    body = f'{{"message": "unknown header {echo}", "code": "{echo}"}}'
    fake.script([Answer(400, body.encode())])

    error = await failure(api)

    assert (str(error), error.code) == ("unknown header ***", "***")


BASIC = b64encode(f"admin:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    "echo",
    [
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote(KEY),
        quote(quote(KEY, safe=""), safe=""),
        "".join(f"%{ord(c):02X}" for c in KEY),
        b64encode(KEY.encode()).decode(),
        BASIC,
        f"Basic {BASIC}",
        f"Bearer {KEY}",
        *(
            b64encode(b"x" * n + KEY.encode() + b"y" * m).decode()
            for n in range(4)
            for m in range(3)
        ),
        urlsafe_b64encode(b"\xff\xff" + KEY.encode()).decode(),
    ],
)
async def test_so_is_one_that_was_encoded(api, fake, echo):
    fake.script([Answer(400, {"message": f"bad: {echo}!", "code": echo})])

    error = await failure(api)

    for text in (str(error), error.code):
        assert "***" in text
        assert not {KEY, "s3cret", "%2B", quote(KEY)} & set(text.split())
        # Of the base64, no part is left from which six characters of the key can be read.
        for piece in re.findall("[A-Za-z0-9+/_-]{8,}", text.replace("-", "+").replace("_", "/")):
            for start in range(4):
                part = piece[start : start + (len(piece) - start) // 4 * 4]
                assert b"s3cret" not in b64decode(part)


async def test_a_message_without_the_key_stays_as_it_is(api, fake):
    message = "100% of x/y+z==: pk-s3cre, cGst, %2F"
    fake.script([Answer(400, {"message": message})])

    assert str(await failure(api)) == message


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uDE00", "\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83dx", "\ufffdx"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\\ud83d\ud83d", r"\ud83d" + "\ufffd"),
        (r"\\\\\ud83d", "\\\\\ufffd"),
        (r"\ud83d\u0041", "\ufffdA"),
    ],
)
async def test_half_a_surrogate_pair_hides_nothing(api, fake, escaped, text):
    fake.script([Answer(body=f'{{"data": [{{"id": "{escaped}", "{escaped}": 1}}, 2]}}'.encode())])

    answer = (await send(api, "GET")).answer()

    assert answer == {"data": [{"id": text, text: 1}, 2]}


async def test_nor_does_it_hide_the_message_of_an_error(api, fake):
    fake.script([Answer(400, rb'{"message": "no \ud83d"}')])

    assert str(await failure(api)) == "no \ufffd"


@pytest.mark.parametrize("content", [rb'{"a": "\ud83d}', rb"\ud83d", rb'{"\ud83d": NaN}'])
async def test_half_a_pair_does_not_excuse_what_is_no_json(api, fake, content):
    fake.script([Answer(200, content)])

    assert type(await failure(api)) is UnexpectedAnswer


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "proxy"])
@pytest.mark.parametrize("verb", VERBS)
async def test_an_answer_that_is_too_large_is_unexpected_and_not_repeated(
    client_of, fake, monkeypatch, verb, by_proxy
):
    if by_proxy:
        monkeypatch.setenv("HTTP_PROXY", fake.url)
    url = "http://portkey.example/v1" if by_proxy else fake.url
    api = client_of(url, PORTKEY_MAX_ANSWER_BYTES=1_000_000)
    bomb = Answer(body=gzip.compress(bytes(1_000_001)), headers={"content-encoding": "gzip"})
    fake.script([bomb, Answer()])

    error = await failure(api, verb)

    assert type(error) is UnexpectedAnswer
    assert "larger than 1,000,000 bytes (PORTKEY_MAX_ANSWER_BYTES)" in str(error)
    assert len(fake.requests) == 1


async def test_an_unknown_content_coding_is_named(api, fake):
    fake.script([Answer(body=b"x", headers={"content-encoding": "br"})])

    error = await failure(api)

    assert type(error) is UnexpectedAnswer
    assert str(error) == "the answer is encoded as 'br', which was not asked for"


async def test_an_error_keeps_its_status_if_its_body_cannot_be_read(api, fake):
    fake.script([Answer(403, b"x", headers={"content-encoding": "br"})])

    error = await failure(api, "DELETE")

    assert (type(error), str(error)) == (Forbidden, "(no message)")


@pytest.mark.parametrize("verb", VERBS)
async def test_an_answer_that_is_longer_than_it_says_is_no_success(api, fake, verb):
    fake.script([Answer(body=b'{"id": "n-1"}', headers={"content-length": "12"})])

    assert isinstance(await failure(api, verb), UnexpectedAnswer)


# Where it goes


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(api, fake, verb, status):
    with FakePortkey() as elsewhere:
        fake.script([Answer(status, headers={"location": elsewhere.url})])

        error = await failure(api, verb)

        assert isinstance(error, Redirected)
        assert elsewhere.requests == []


async def test_cookies_are_not_kept(api, fake):
    fake.script([Answer(headers={"set-cookie": "session=1; Path=/"})])

    await send(api, "GET")
    await send(api, "GET")

    assert [r.headers.get("cookie") for r in fake.requests] == [None, None]


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_carries_the_request(client_of, fake, monkeypatch, scheme):
    monkeypatch.setenv("HTTP_PROXY", fake.url.replace("http://", scheme))
    monkeypatch.setenv("NO_PROXY", "other.example")

    await send(client_of("http://portkey.example/v1"), "GET")

    (request,) = fake.requests
    assert request.target == "http://portkey.example/v1/notes/n-1"


async def test_a_proxy_hears_its_own_password(client_of, fake, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", fake.url.replace("//", "//user:p%40ss@"))

    await send(client_of("http://portkey.example/v1"), "GET")

    (request,) = fake.requests
    assert b64decode(request.headers["proxy-authorization"].split()[1]) == b"user:p@ss"


async def test_a_proxy_for_https_is_asked_for_a_tunnel_without_the_key(
    client_of, fake, monkeypatch
):
    monkeypatch.setenv("HTTPS_PROXY", fake.url)
    fake.script([Answer(502)])

    error = await failure(client_of("https://portkey.example/v1"), "POST")

    assert isinstance(error, Unreachable)
    assert "proxy" in str(error)
    assert {(r.method, r.target) for r in fake.requests} == {("CONNECT", "portkey.example:443")}
    assert KEY not in f"{fake.requests}"


async def test_no_proxy_is_asked_where_none_is_wanted(api, fake, monkeypatch):
    with FakePortkey() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "portkey.example,127.0.0.1")

        await send(api, "GET")

        assert proxy.requests == []
    assert fake.requests[0].target == "/v1/notes/n-1"


async def test_a_host_of_its_own_may_be_exempt(network, fake, monkeypatch):
    with FakePortkey() as proxy:
        registry = fake.url.removesuffix("/v1")
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", registry.removeprefix("http://"))
        urls = {"PORTKEY_MCP_BASE_URL": registry, "PORTKEY_PRICES_URL": "http://prices.example"}
        url = "http://portkey.example/v1"
        api = Portkey(settings_for(url, **urls), network(url, **urls))

        for base in ("v1", "mcp", "prices"):
            await api.send("GET", f"/{base}", returns=Record, base=base)

        assert [request.target for request in fake.requests] == ["/mcp"]
        assert [request.target for request in proxy.requests] == [
            "http://portkey.example/v1/v1",
            "http://prices.example/prices",
        ]


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "http://", "http://[", "http://127.0.0.1:99999"]
)
async def test_a_proxy_that_cannot_be_used_is_a_setting_to_correct(network, monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    again = Recorder()

    error = await failure(over(InTurn(network("http://portkey.example/v1"), again)))

    assert isinstance(error, ConfigurationError)
    assert "ALL_PROXY" in str(error)
    assert again.requests == []


@pytest.fixture
def secure(tmp_path):
    """A fake with a certificate of its own making, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake")])
    now = dt.datetime.now(dt.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "fake.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with FakePortkey(tls) as fake:
        yield fake, file


async def test_a_certificate_nobody_vouches_for_is_refused(client_of, secure):
    fake, _file = secure

    error = await failure(client_of(fake.url), "POST")

    assert isinstance(error, Unreachable)
    assert "certificate was not accepted: self-signed certificate" in str(error)
    assert fake.requests == []


async def test_a_certificate_for_another_host_is_refused(client_of, secure, monkeypatch):
    fake, file = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    error = await failure(client_of(fake.url.replace("127.0.0.1", "localhost")), "POST")

    assert isinstance(error, Unreachable)
    assert "certificate was not accepted: Hostname mismatch" in str(error)
    assert fake.requests == []


async def test_a_certificate_in_ssl_cert_file_is_accepted(client_of, secure, monkeypatch):
    fake, file = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    await send(client_of(fake.url), "POST")

    assert [request.target for request in fake.requests] == ["/v1/notes"]


async def test_a_useless_ssl_cert_file_is_a_setting_to_correct(
    client_of, secure, tmp_path, monkeypatch
):
    fake, _file = secure
    (tmp_path / "empty.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))

    error = await failure(client_of(fake.url))

    assert isinstance(error, ConfigurationError)
    assert "SSL_CERT_FILE" in str(error)
    assert fake.requests == []


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "proxy"])
async def test_certificates_are_not_read_where_none_are_needed(
    client_of, fake, tmp_path, monkeypatch, by_proxy
):
    (tmp_path / "empty.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    if by_proxy:
        monkeypatch.setenv("HTTP_PROXY", fake.url)

    await send(client_of("http://portkey.example/v1" if by_proxy else fake.url), "GET")

    assert len(fake.requests) == 1


# When it is tried again


@pytest.mark.parametrize("fault", [*map(Answer, (502, 503, 504)), *TROUBLES], ids=name)
async def test_a_read_that_fails_once_is_answered_the_second_time(failing_api, fake, fault):
    api = failing_api(fault, Answer(body={"id": "n-1"}))

    assert (await send(api, "GET")).answer() == {"id": "n-1"}
    assert len(fake.requests) == 2


@pytest.mark.parametrize("fault", [*map(Answer, (502, 503, 504)), *TROUBLES], ids=name)
async def test_a_read_that_keeps_failing_is_given_up(failing_api, fake, fault):
    error = await failure(failing_api(fault))

    assert type(error) is Unavailable
    fake.wait_for(MAX_ATTEMPTS)
    assert len(fake.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize("status", [500, 599])
async def test_a_read_portkey_cannot_answer_is_not_repeated(api, fake, status):
    fake.script([Answer(status)])

    error = await failure(api)

    assert (type(error), error.status) == (Unavailable, status)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("fault", [*map(Answer, (500, 502, 503, 504)), *TROUBLES], ids=name)
async def test_a_write_that_may_have_happened_is_never_repeated(failing_api, fake, verb, fault):
    error = await failure(failing_api(fault), verb)

    assert isinstance(error, OutcomeUnknown)
    fake.wait_for(1)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("fault", ["close", "cut", "reset"])
async def test_nor_is_one_whose_connection_had_been_kept(api, fake, verb, fault):
    fake.script([Answer(), fault, Answer()])
    await send(api, "GET")

    error = await failure(api, verb)

    assert isinstance(error, OutcomeUnknown)
    assert [request.method for request in fake.requests] == ["GET", verb]


@pytest.mark.parametrize("verb", VERBS)
async def test_where_nobody_listens_nothing_was_sent(client_of, verb):
    with nobody_listening() as url:
        error = await failure(client_of(url), verb)

    assert isinstance(error, Unreachable)
    assert str(error) == "no connection could be made"
    assert error.status is None


@pytest.mark.parametrize("verb", VERBS)
async def test_what_was_not_sent_is_tried_again_whatever_it_is(network, fake, verb):
    with nobody_listening() as url:
        moved = InTurn(network(url), network(fake.url))

        await send(over(moved), verb)

    assert [request.method for request in fake.requests] == [verb]


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("retry_after", [None, "0", "7", f"{MAX_RETRY_AFTER_S:.0f}"])
async def test_too_many_requests_are_repeated_if_repeating_is_harmless(
    api, fake, verb, retry_after
):
    headers = {} if retry_after is None else {"retry-after": retry_after}
    fake.script([Answer(429, headers=headers), Answer()])

    await send(api, verb)

    assert len(fake.requests) == 2


async def test_a_creation_is_not_repeated_even_then(api, fake):
    fake.script([Answer(429, headers={"retry-after": "0"}), Answer()])

    error = await failure(api, "POST")

    assert (type(error), error.retry_after) == (RateLimited, 0)
    assert len(fake.requests) == 1


def in_the_future(seconds: float) -> str:
    return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("header", [lambda: "21", lambda: in_the_future(60)], ids=["s", "date"])
@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_a_long_wait_is_left_to_the_caller(api, fake, verb, header):
    fake.script([Answer(429, headers={"retry-after": header()})])

    error = await failure(api, verb)

    assert type(error) is RateLimited
    assert 20 < error.retry_after <= 60
    assert len(fake.requests) == 1


async def test_the_seconds_portkey_asks_for_are_waited(api, fake):
    fake.script([Answer(429, headers={"retry-after": "1"}), Answer()])
    started = time.monotonic()

    with stamina.set_testing(False):
        await send(api, "GET")

    assert 1 <= time.monotonic() - started < 5
    assert len(fake.requests) == 2


async def test_a_retry_is_one_line_of_our_log_that_says_why(api, fake, caplog):
    caplog.set_level(logging.DEBUG)
    fake.script([Answer(503), "cut", Answer()])

    await send(api, "GET")

    ours = [r for r in caplog.records if r.name == "portkey_admin_mcp.portkey.retries"]
    assert [(r.levelname, r.getMessage()) for r in ours] == [
        ("DEBUG", "GET /notes/{id} was answered 503; sent again in 0.0 s"),
        ("DEBUG", "GET /notes/{id} was not answered; sent again in 0.0 s"),
    ]
    assert not [r for r in caplog.records if r.name.startswith("stamina")]


async def test_the_moment_portkey_names_is_awaited(api, fake):
    moment = math.ceil(time.time() + 0.1)
    date = format_datetime(dt.datetime.fromtimestamp(moment, dt.UTC), usegmt=True)
    fake.script([Answer(429, headers={"retry-after": date}), Answer()])

    with stamina.set_testing(False):
        await send(api, "PUT")

    assert moment <= time.time() < moment + 5
    assert len(fake.requests) == 2


async def test_a_moment_that_has_passed_is_no_wait(api, fake):
    fake.script([Answer(429, headers={"retry-after": in_the_future(-3600)})])

    assert (await failure(api)).retry_after == 0


@pytest.mark.parametrize(
    "header",
    [
        "soon",
        "-1",
        "1.5",
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "Mon, 2 Nov 99999999999 9:00 GMT",
    ],
)
async def test_a_retry_after_that_makes_no_sense_is_as_good_as_none(api, fake, header):
    fake.script([Answer(429, headers={"retry-after": header}), Answer()])

    await send(api, "GET")

    assert len(fake.requests) == 2


@given(header=any_text())
@example("\u00b2")
async def test_no_retry_after_whatsoever_is_more_than_a_wait(header):
    portkey = over(Recorder(429, **{"retry-after": header}))

    error = await failure(portkey, "POST")

    assert type(error) is RateLimited
    assert error.retry_after is None or error.retry_after >= 0


def notes_of(error: ApiError) -> str:
    return "".join(getattr(error, "__notes__", []))


async def test_an_error_after_several_attempts_says_how_many_there_were(api, fake):
    fake.script([Answer(503)])

    error = await failure(api)

    assert re.fullmatch(r"It was tried 4 times in \d\.\d s\.", notes_of(error))


@pytest.mark.parametrize("fault", [Answer(403), Answer(500)], ids=name)
async def test_an_error_after_one_attempt_says_nothing_of_it(api, fake, fault):
    fake.script([fault])

    assert notes_of(await failure(api, "PUT")) == ""


@pytest.fixture
def hurried(network, fake, monkeypatch):
    """A client with so many milliseconds for one attempt, and seconds for all."""

    def client(timeout_ms: int, retry_s: float) -> Portkey:
        assert MAX_RETRY_S == 45
        monkeypatch.setattr("portkey_admin_mcp.portkey.api.MAX_RETRY_S", retry_s)
        monkeypatch.setattr("portkey_admin_mcp.portkey.retries.MAX_BACKOFF_S", 0)
        settings = settings_for(fake.url, PORTKEY_TIMEOUT_MS=timeout_ms)
        return Portkey(settings, network(fake.url, PORTKEY_TIMEOUT_MS=timeout_ms))

    return client


async def test_all_attempts_of_a_read_end_in_time(hurried, fake):
    fake.script(["silence"])
    started = time.monotonic()

    error = await failure(hurried(300, 0.5))

    assert type(error) is Unavailable
    assert 0.5 <= time.monotonic() - started < 1.1  # four attempts would take 1.2 s
    assert "It was tried 2 times" in notes_of(error)


async def test_a_write_that_the_end_of_the_time_cuts_off_is_unknown(hurried, fake):
    fake.script([Answer(429), "silence"])
    started = time.monotonic()

    error = await failure(hurried(5000, 0.3), "PUT")

    assert type(error) is OutcomeUnknown
    assert 0.3 <= time.monotonic() - started < 3  # the attempt would take 5 s
    assert len(fake.requests) == 2


async def test_a_wait_that_would_take_too_long_is_left_to_the_caller(hurried, fake):
    fake.script([Answer(429, headers={"retry-after": "2"}), Answer()])

    error = await failure(hurried(300, 1.5))

    assert (type(error), error.retry_after) == (RateLimited, 2)
    assert len(fake.requests) == 1


async def test_a_write_that_could_not_connect_is_tried_again_only_if_there_is_time(monkeypatch):
    attempts = []

    async def refuse(*_request):
        attempts.append(1)
        raise ConnectionRefusedError("no connection in time")

    monkeypatch.setattr("portkey_admin_mcp.portkey.api.MAX_RETRY_S", 34)

    error = await failure(over(refuse), "POST")  # each attempt may take 30 s, and the backoff 5 s

    assert type(error) is Unreachable
    assert len(attempts) == 1


# How long it may take


@pytest.mark.parametrize(("fault", "spans"), [("silence", 1), ("drip", 2)])
async def test_a_write_is_given_up_after_the_timeout(client_of, fake, fault, spans):
    api = client_of(fake.url, PORTKEY_TIMEOUT_MS=400)
    fake.script([fault])
    started = time.monotonic()

    async with asyncio.timeout(5):
        error = await failure(api, "PUT")

    assert isinstance(error, OutcomeUnknown)
    assert str(error) == "no answer within 0.4 s"
    assert spans <= (time.monotonic() - started) / 0.4 < spans + 1


async def test_a_silence_after_the_connections_were_closed_is_given_up_too(network, fake):
    way = network(fake.url, PORTKEY_TIMEOUT_MS=400)
    fake.script([Answer(), "silence"])
    await send(over(way), "PUT")
    await way.close()

    async with asyncio.timeout(5):
        error = await failure(over(way), "PUT")

    assert isinstance(error, OutcomeUnknown)


async def test_an_answer_in_time_is_waited_for(api, fake):
    fake.script([Answer(body={"id": "n-1"}, after_s=0.2)])

    assert (await send(api, "POST")).answer() == {"id": "n-1"}


async def test_many_requests_go_at_the_same_time(api, fake):
    fake.script([Answer(after_s=0.2)])

    # One after another they would take six seconds.
    async with asyncio.timeout(4):
        await asyncio.gather(*(send(api, "POST") for _ in range(30)))

    assert len(fake.requests) == 30


async def test_a_signed_link_is_read_in_part_and_without_the_key(api, fake):
    fake.script([Answer(body=b"0123456789")])

    content = await api.download(f"{fake.url}/file?signature=x", 4)

    (request,) = fake.requests
    assert content == b"0123"
    assert (request.method, request.target) == ("GET", "/v1/file?signature=x")
    assert request.headers["range"] == "bytes=0-3"
    assert "x-portkey-api-key" not in request.headers


LOGS = b"".join(b'{"id": "log-%d"}\n' % number for number in range(1_000))


@pytest.fixture(params=["direct", "proxy"])
def link_to(request, client_of, monkeypatch):
    """A client, and a signed link to a server: directly, and through the server as a proxy."""

    def connect(server: FaultyServer) -> tuple[Portkey, str]:
        if request.param == "direct":
            return client_of(server.url), f"{server.origin}/file?signature=x"
        monkeypatch.setenv("HTTP_PROXY", server.origin)
        return client_of("http://portkey.example/v1"), "http://files.example/file?signature=x"

    return connect


def file_answer(body: bytes, *lines: bytes, status: bytes = b"200 OK", size: int | None = None):
    length = b"content-length: %d" % (len(body) if size is None else size)
    return b"\r\n".join((b"HTTP/1.1 " + status, length, *lines, b"", body))


async def test_a_file_is_asked_for_as_it_is(link_to):
    async with FaultyServer([file_answer(LOGS[:100], status=b"206 Partial Content")]) as server:
        api, link = link_to(server)

        assert await api.download(link, 100) == LOGS[:100]

    (request,) = server.requests
    assert b"range: bytes=0-99\r\n" in request.lower()
    assert b"accept-encoding: identity\r\n" in request.lower()
    assert request.lower().count(b"accept-encoding") == 1


async def test_no_more_of_a_file_is_read_than_is_wanted(link_to):
    head = file_answer(b"", size=600_000_000)
    async with FaultyServer([head, FLOOD(LOGS)]) as server:
        api, link = link_to(server)

        content = await api.download(link, 20_000)

        assert content == (LOGS * 2)[:20_000]
    assert server.sent < 20_000_000, "what fits in the buffers of the sockets"


@pytest.mark.parametrize("wanted", [1, 100, len(LOGS), len(LOGS) + 1])
@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"deflate"])
async def test_a_file_that_is_stored_compressed_is_decompressed(link_to, coding, wanted):
    packed = zlib.compress(LOGS) if coding == b"deflate" else gzip.compress(LOGS)
    async with FaultyServer([file_answer(packed, b"content-encoding: " + coding)]) as server:
        api, link = link_to(server)

        assert await api.download(link, wanted) == LOGS[:wanted]


async def test_so_is_the_beginning_of_one(link_to):
    part = file_answer(
        gzip.compress(LOGS)[:1_000], b"content-encoding: gzip", status=b"206 Partial Content"
    )
    async with FaultyServer([part]) as server:
        api, link = link_to(server)

        content = await api.download(link, 1_000_000)

    assert len(content) > 1_000
    assert LOGS.startswith(content)


@pytest.mark.parametrize(
    "answer",
    [
        file_answer(LOGS, size=len(LOGS) + 1),
        file_answer(gzip.compress(LOGS)[:-9], b"content-encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + LOGS,
    ],
    ids=["cut", "cut in gzip", "without an end"],
)
async def test_a_file_that_may_be_cut_is_not_taken_for_a_complete_one(link_to, answer):
    async with FaultyServer([answer, CLOSE]) as server:
        api, link = link_to(server)

        with pytest.raises(Unavailable):
            await api.download(link, 1_000_000)
        assert len(await api.download(link, 1_000)) == 1_000


async def test_an_empty_file_has_no_range(link_to):
    async with FaultyServer([file_answer(b"no", status=b"416 Range Not Satisfiable")]) as server:
        api, link = link_to(server)

        assert await api.download(link, 1_000) == b""


@pytest.mark.parametrize(
    "url", ["http://files.example/x", "https://10.0.0.1/x", "ftp://files.example/x", "/x"]
)
async def test_a_link_that_must_not_be_followed_is_not(url):
    settings = load_settings(PORTKEY_API_KEY=KEY)
    portkey = Recorder()

    with pytest.raises(InputError, match="cannot be read here"):
        await Portkey(settings, portkey).download(url, 10)

    assert portkey.requests == []


async def test_a_host_that_nobody_named_is_not_asked():
    settings = load_settings(PORTKEY_API_KEY=KEY, PORTKEY_BASE_URL="https://portkey.example/v1")
    portkey = Recorder()

    with pytest.raises(ConfigurationError, match="PORTKEY_MCP_BASE_URL is not set"):
        await Portkey(settings, portkey).send("GET", "/v0.1/servers", returns=Record, base="mcp")

    assert portkey.requests == []


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("v1", "/notes", "/v1/notes"),
        ("root", "/v2/notes", "/v2/notes"),
        ("mcp", "/v0.1/servers", "https://mcp.portkey.ai/v0.1/servers"),
        ("prices", "/pricing/a.json", "https://configs.portkey.ai/pricing/a.json"),
    ],
)
async def test_a_path_begins_where_its_base_says(base, path, target):
    portkey = Recorder()

    await over(portkey).send("GET", path, returns=Record, base=base)

    assert portkey.requests == [("GET", target)]
