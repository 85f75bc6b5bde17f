"""The judgement of a line agrees with the SDK's, and says what the SDK would not."""

import json
import time

import mcp_types
import pytest
from pydantic import ValidationError

from portkey_admin_mcp.server.json_rpc import read_line

REQUEST = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":%s}}'
TAKEN = (
    b'{"jsonrpc":"2.0","id":7,"method":"ping"}',
    b' {"jsonrpc":"2.0","id":"x","method":"ping","params":null}\r',
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    b'{"jsonrpc":"2.0","id":null,"method":"notifications/initialized"}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","more":1}',
    b'{"jsonrpc":"2.0","id":7,"result":{}}',
    b'{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}',
    REQUEST % b'"\\ud83d\\ude00"',
    REQUEST % "„ü😀“".join('""').encode(),
    REQUEST % (b"[" * 150 + b"]" * 150),
    REQUEST % b"NaN",
)
DROPPED = (
    (b"no JSON", None, -32700),
    (b"{", None, -32700),
    (b"\xff\xfe{}", None, -32700),
    (b"\xef\xbb\xbf{}", None, -32700),
    (REQUEST % b'"\x00"', None, -32700),
    (b'{"jsonrpc":"2.0","id":7,"method":"ping"} {}', None, -32700),
    (REQUEST % b'"\\ud800"', 7, -32600),
    (REQUEST % b'"\\udc00"', 7, -32600),
    (REQUEST % (b"[" * 300 + b"]" * 300), 7, -32600),
    (REQUEST % (b'{"a":' * 5000 + b"1" + b"}" * 5000), None, -32600),
    (b"[" * 5000, None, -32600),
    (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', None, -32600),
    (b"null", None, -32600),
    (b"[]", None, -32600),
    (b'[{"jsonrpc":"2.0","id":7,"method":"ping"}]', None, -32600),
    (b'"x"', None, -32600),
    (b"{}", None, -32600),
    (b'{"jsonrpc":"2.0","id":7}', 7, -32600),
    (b'{"id":7,"method":"ping"}', 7, -32600),
    (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', "a", -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":5}', 7, -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', 7, -32600),
)
MISTAKEN = (
    # The SDK takes these for notifications, or lets replacement characters stand for bytes.
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None, -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, -32600),
    (b'{"jsonrpc":"2.0","id":[],"method":"ping"}', None, -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
    (REQUEST % b'"\xff"', 7, -32600),
    (b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}', None, -32600),
)
SILENT = (b"", b" \t\r", b'{"jsonrpc":"2.0","id":7,"result":"x"}', b'{"id":7,"error":{}}')


def sdk_takes(line):
    text = line.decode("utf-8", "replace")
    try:
        mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("line", TAKEN)
def test_what_the_sdk_takes_is_not_refused(line):
    assert sdk_takes(line)
    read = read_line(line)

    assert read.refusal is None
    assert json.dumps(read.message) == json.dumps(json.loads(line))


@pytest.mark.parametrize(("line", "request_id", "code"), [*DROPPED, *MISTAKEN])
def test_what_the_sdk_drops_is_answered(line, request_id, code):
    refusal = json.loads(read_line(line).refusal)

    assert (refusal["jsonrpc"], refusal["id"]) == ("2.0", request_id)
    assert refusal["error"]["code"] == code
    mcp_types.jsonrpc_message_adapter.validate_python(refusal, by_name=False)


def test_the_sdk_drops_all_of_that_in_silence():
    assert [line for line, _, _ in DROPPED if sdk_takes(line)] == []


@pytest.mark.parametrize("line", SILENT)
def test_what_has_no_answer_gets_none(line):
    assert not sdk_takes(line)
    assert read_line(line).refusal is None


def test_a_malicious_megabyte_is_judged_at_once():
    lines = (b"[" * 1_000_000, b'{"a":' * 200_000, REQUEST % (b'"' + b"\\ud800" * 160_000 + b'"'))
    started = time.monotonic()

    for line in lines:
        assert read_line(line).refusal

    assert time.monotonic() - started < 5
