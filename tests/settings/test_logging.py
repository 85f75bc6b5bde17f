"""Logging: one record is one line, without the key."""

import datetime as dt
import io
import json
import logging
import re
import subprocess
import sys

import pytest
from hypothesis import given

from portkey_admin_mcp.settings.logging import MaskingFormatter
from programs import tree_environment
from texts import any_text

KEY = 'pk-"secret"\\/+1'
STARTS_A_RECORD = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ [\w.]+: ", re.MULTILINE)


def written(form, log):
    """The text that one or more calls of a logger write."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(form, (KEY,)))
    logger = logging.Logger("portkey_admin_mcp.portkey.api")
    logger.addHandler(handler)
    log(logger)
    return stream.getvalue()


def failing(logger):
    try:
        raise ValueError(f"refused {KEY}\n2026-11-02T09:00:00Z INFO forged: all is well")
    except ValueError:
        logger.exception("with %s it failed", KEY)


def test_text_is_one_line_a_record():
    line = written("text", lambda log: log.warning("%s answered %d", "GET /configs", 503))

    pattern = r"\S+Z WARNING portkey_admin_mcp\.portkey\.api: GET /configs answered 503\n"
    assert re.fullmatch(pattern, line)


def test_json_is_one_object_a_record():
    line = written("json", lambda log: log.warning("%s answered %d", "GET /configs", 503))

    entry = json.loads(line)
    assert line.count("\n") == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.pop("time"))
    assert entry == {
        "level": "warning",
        "logger": "portkey_admin_mcp.portkey.api",
        "message": "GET /configs answered 503",
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_key_is_redacted_from_message_and_traceback(form):
    text = written(form, failing)

    assert "with *** it failed" in text
    assert "ValueError: refused ***" in text
    assert KEY not in text
    assert json.dumps(KEY)[1:-1] not in text


def test_json_holds_the_full_traceback():
    entry = json.loads(written("json", failing))

    assert entry["message"] == "with *** it failed"
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert "in failing" in entry["traceback"]


def test_text_shows_the_traceback_indented():
    head, *rest = written("text", failing).splitlines()

    assert head.endswith(" ERROR portkey_admin_mcp.portkey.api: with *** it failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("form", ["text", "json"])
@given(text=any_text())
def test_no_text_can_forge_a_record(form, text):
    forged = f"{text}\r\n2026-11-02T09:00:00Z INFO forged: all is well\n{text}"

    def log(logger):
        logger.info("%s", forged)
        try:
            raise ValueError(forged)
        except ValueError:
            logger.exception("%s", forged)

    lines = written(form, log)

    if form == "json":
        assert [json.loads(line)["message"] for line in lines.split("\n")[:-1]] == [forged] * 2
    else:
        assert len(STARTS_A_RECORD.findall(lines)) == 2
        assert set(lines) <= {"\n", *filter(str.isprintable, lines)}


SIGNED = "https://bucket.s3.example/exports/1.jsonl?X-Amz-Signature=s3cret&X-Amz-Date=2026"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"its link is {SIGNED}", "its link is https://bucket.s3.example/exports/1.jsonl?***"),
        (f"<a href='{SIGNED}'>", "<a href='https://bucket.s3.example/exports/1.jsonl?***'>"),
        ("via http://me:s3cret@10.0.0.9:3128/", "via http://***@10.0.0.9:3128/"),
        ("redis://:s3cret@10.0.0.7:6379/0", "redis://***@10.0.0.7:6379/0"),
        ("http://me:s3@cret@10.0.0.9", "http://***@10.0.0.9"),
        ("GET https://portkey.example/v1/configs", "GET https://portkey.example/v1/configs"),
        ("is this https://portkey.example? yes", "is this https://portkey.example? yes"),
        ("ask ada@example.com", "ask ada@example.com"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_user_password_and_query_of_a_url_are_masked(form, text, shown):
    def log(logger):
        logger.warning("%s", text)
        try:
            error = ValueError("failed")
            error.add_note(text)
            raise error
        except ValueError:
            logger.exception("failed")

    lines = written(form, log)

    assert lines.count(json.dumps(shown)[1:-1] if form == "json" else shown) == 2
    assert "s3cret" not in lines


def test_a_short_secret_does_not_replace_parts_of_words():
    formatter = MaskingFormatter("text", ("a", "config", "pk-long-enough"))
    formatter.add_secrets(["", "n", "pk-long-enough-and-longer"])
    record = logging.makeLogRecord(
        {"name": "any", "msg": "a config of pk-long-enough and pk-long-enough-and-longer"}
    )

    assert formatter.format(record).endswith(": a config of *** and ***")


def test_the_access_log_of_a_host_has_no_queries():
    program = """
import logging
from portkey_admin_mcp.settings.logging import configure_logging
configure_logging("debug", "text")
line = ("10.0.0.1:5", "GET", "/mcp?token=s3cret", "1.1", 400)
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *line)
"""
    assert run(program).stderr.endswith('10.0.0.1:5 - "GET /mcp HTTP/1.1" 400\n')


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=tree_environment({"TZ": "JST-9"}),
    )


LIBRARIES = (
    "sse_starlette.sse", "httpx", "httpx2", "httpcore.http11", "httpcore2.http11", "mcp.server",
    "asyncio", "redis.connection", "push_response", "aiohttp.client", "stamina", "uvicorn.asgi",
    "opentelemetry.sdk.trace", "a_library_that_nobody_knows_yet",
)  # fmt: skip


def log_in_a_subprocess(level, form):
    """Log at every level, as this package and as libraries, in a process that is set up for it."""
    program = f"""
import logging
from portkey_admin_mcp.settings.logging import configure_logging
from portkey_admin_mcp.settings.logging import mask_current_in_logs, mask_in_logs
configure_logging({level!r}, {form!r}, ("s3cret-key",))
mask_in_logs(["s3cret-token"])
mask_current_in_logs(lambda: "s3cret-key-of-a-caller")
mask_current_in_logs(lambda: "")
for name in ("portkey_admin_mcp", *{LIBRARIES!r}):
    for level in ("debug", "info", "warning", "error"):
        text = "%s of s3cret-key, s3cret-token, s3cret-key-of-a-caller"
        getattr(logging.getLogger(name), level)(text, level)
"""
    return run(program)


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_only_stderr_is_written_and_libraries_keep_quiet(level, ours, theirs):
    process = log_in_a_subprocess(level, "json")

    entries = [json.loads(line) for line in process.stderr.splitlines()]
    info = ["info"] if "info" in ours else []
    assert process.stdout == ""
    assert [(e["logger"], e["level"]) for e in entries] == [
        *(("portkey_admin_mcp", level) for level in ours),
        *(
            (name, level)
            for name in LIBRARIES
            for level in ([*info, *theirs] if name == "uvicorn.asgi" else theirs)
        ),
    ]
    moments = [dt.datetime.fromisoformat(e["time"]) for e in entries]
    assert all(abs(dt.datetime.now(dt.UTC) - moment) < dt.timedelta(hours=1) for moment in moments)
    assert {e["message"] for e in entries} == {
        f"{level} of ***, ***, ***" for level in {*ours, *theirs}
    }
