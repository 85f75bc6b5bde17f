"""The settings: how each is read from the environment, and how wrong values are refused."""

import os
import re
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from each import for_each
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.settings.environment import variable_names
from portkey_admin_mcp.settings.hosting import Hosting, load_hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings, load_settings
from texts import CHARACTERS, any_text

PRIVATE_HOSTS = [
    "localhost",
    "LocalHost.",
    "portkey.localhost",
    "printer.local",
    "portkey.corp.internal",
    "metadata.google.internal",
    "metadata",
    "gateway",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[fd00::1]",
    "[fe80::1]",
    "[ff02::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[2002:7f00:1::]",
]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith(("PORTKEY_", "LOG_", "SSL_")):
            monkeypatch.delenv(name)


@pytest.fixture
def load(monkeypatch):
    """Read the settings from an environment that holds these variables."""

    def from_environment(env_file=None, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings(env_file)

    return from_environment


@pytest.fixture
def refused(load):
    """The error message that refuses an environment."""

    def message(env_file=None, **variables):
        with pytest.raises(ConfigurationError) as caught:
            load(env_file, **variables)
        return str(caught.value)

    return message


def test_no_setting_is_required(load):
    settings = load()

    assert settings.model_dump() == {
        "api_key": None,
        "base_url": "https://api.portkey.ai/v1",
        "allow_private_base_url": False,
        "allow_insecure_http": False,
        "timeout_ms": 30_000,
        "max_answer_bytes": 67_108_864,
        "ca_file": None,
        "ca_dir": None,
        "sandbox": False,
        "log_level": "info",
        "log_format": "text",
        "mcp_base_url": None,
        "prices_url": None,
        "dashboard_url": None,
        "max_result_chars": 80_000,
        "toolsets": (),
        "tools": (),
        "exclude_tools": (),
        "tool_mode": "full",
        "read_only": False,
        "fast_path": True,
    }


def test_every_setting_is_read_from_its_variable(load):
    settings = load(
        PORTKEY_API_KEY="pk-1",
        PORTKEY_BASE_URL="http://10.0.0.7:8080/v1",
        PORTKEY_ALLOW_PRIVATE_BASE_URL="yes",
        PORTKEY_ALLOW_INSECURE_HTTP="1",
        PORTKEY_TIMEOUT_MS="250",
        PORTKEY_MAX_ANSWER_BYTES="1000000",
        SSL_CERT_FILE=__file__,
        SSL_CERT_DIR=str(Path(__file__).parent),
        PORTKEY_SANDBOX="true",
        LOG_LEVEL="error",
        LOG_FORMAT="json",
        PORTKEY_MCP_BASE_URL="https://mcp.example",
        PORTKEY_PRICES_URL="https://prices.example/",
        PORTKEY_DASHBOARD_URL="https://portkey.example",
        MCP_MAX_RESULT_CHARS="5000",
        PORTKEY_TOOLSETS="users, mcp",
        PORTKEY_TOOLS="get_log",
        PORTKEY_EXCLUDE_TOOLS="delete_user,delete_workspace",
        PORTKEY_TOOL_MODE="code",
        PORTKEY_READ_ONLY="true",
        MCP_FAST_PATH="off",
    )

    assert settings.api_key.get_secret_value() == "pk-1"
    assert settings.model_dump(exclude={"api_key"}) == {
        "base_url": "http://10.0.0.7:8080/v1",
        "allow_private_base_url": True,
        "allow_insecure_http": True,
        "timeout_ms": 250,
        "max_answer_bytes": 1_000_000,
        "ca_file": Path(__file__),
        "ca_dir": Path(__file__).parent,
        "sandbox": True,
        "log_level": "error",
        "log_format": "json",
        "mcp_base_url": "https://mcp.example",
        "prices_url": "https://prices.example/",
        "dashboard_url": "https://portkey.example",
        "max_result_chars": 5000,
        "toolsets": ("users", "mcp"),
        "tools": ("get_log",),
        "exclude_tools": ("delete_user", "delete_workspace"),
        "tool_mode": "code",
        "read_only": True,
        "fast_path": False,
    }


@pytest.mark.parametrize(
    ("variables", "mcp", "prices"),
    [
        ({}, "https://mcp.portkey.ai", "https://configs.portkey.ai"),
        ({"PORTKEY_BASE_URL": "https://portkey.example/v1"}, None, None),
        (
            {
                "PORTKEY_BASE_URL": "https://portkey.example/v1",
                "PORTKEY_MCP_BASE_URL": "https://mcp.example/",
                "PORTKEY_PRICES_URL": "https://prices.example",
            },
            "https://mcp.example",
            "https://prices.example",
        ),
    ],
)
def test_portkeys_other_hosts_are_defaults_only_with_its_own_api(load, variables, mcp, prices):
    settings = load(**variables)

    assert (settings.mcp_address, settings.prices_address) == (mcp, prices)


@pytest.mark.parametrize("name", ["PORTKEY_MCP_BASE_URL", "PORTKEY_PRICES_URL"])
def test_every_address_is_checked(load, name):
    with pytest.raises(ConfigurationError, match=f"{name} must be https"):
        load(**{name: "http://mcp.example"})


def test_variables_of_other_programs_are_not_read(load):
    settings = load(
        API_KEY="theirs", BASE_URL="https://theirs.example", SANDBOX="1", TIMEOUT_MS="1"
    )

    assert settings == Settings()
    assert settings.api_key is None


def test_an_empty_variable_counts_as_not_set(load):
    assert load(PORTKEY_API_KEY="", PORTKEY_TIMEOUT_MS="", LOG_LEVEL="").timeout_ms == 30_000


@pytest.mark.parametrize(
    ("written", "level"),
    [("DEBUG", "debug"), (" Info ", "info"), ("warn", "warning"), ("CRITICAL", "error")],
)
def test_log_levels_are_read_as_other_loggers_write_them(load, written, level):
    assert load(LOG_LEVEL=written).log_level == level


def test_settings_cannot_be_changed(load):
    with pytest.raises(ValidationError, match="frozen"):
        load().base_url = "https://elsewhere.example"


def test_a_key_is_not_shown_with_the_settings(load):
    assert "pk-secret" not in repr(load(PORTKEY_API_KEY="pk-secret"))


@pytest.mark.parametrize(
    ("name", "value", "problem", "cure"),
    [
        ("PORTKEY_TIMEOUT_MS", "soon", "valid integer", "PORTKEY_TIMEOUT_MS=30000"),
        ("PORTKEY_TIMEOUT_MS", "0", "greater than or equal to 1", "PORTKEY_TIMEOUT_MS=30000"),
        ("PORTKEY_TIMEOUT_MS", "600001", "less than or equal to 600000", "PORTKEY_TIMEOUT_MS="),
        ("PORTKEY_TIMEOUT_MS", "1.5", "valid integer", "PORTKEY_TIMEOUT_MS=30000"),
        ("PORTKEY_SANDBOX", "perhaps", "valid boolean", "PORTKEY_SANDBOX=true"),
        ("PORTKEY_ALLOW_INSECURE_HTTP", "perhaps", "valid boolean", "INSECURE_HTTP=true"),
        ("PORTKEY_ALLOW_PRIVATE_BASE_URL", "perhaps", "valid boolean", "BASE_URL=true"),
        ("PORTKEY_TOOL_MODE", "some", "'full', 'search' or 'code'", "PORTKEY_TOOL_MODE=search"),
    ],
)
def test_a_wrong_value_is_refused_with_name_problem_and_cure(refused, name, value, problem, cure):
    message = refused(**{name: value})

    assert message.startswith(f"{name}: ")
    assert problem in message
    assert cure in message


def test_all_wrong_values_are_reported_together(refused):
    message = refused(PORTKEY_TIMEOUT_MS="soon", PORTKEY_READ_ONLY="loud")

    assert [line.partition(":")[0] for line in message.splitlines()] == [
        "PORTKEY_READ_ONLY",
        "PORTKEY_TIMEOUT_MS",
    ]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("LOG_LEVEL", "s3cret", "it must be one of debug, info, warning, error; info is used"),
        ("LOG_FORMAT", "s3cret", "it must be one of text, json; text is used"),
        ("SSL_CERT_FILE", "/s3cret.pem", "nothing can be read at this path; the system's"),
        ("SSL_CERT_FILE", str(Path(__file__).parent), "nothing can be read at this path"),
        ("SSL_CERT_FILE", "s3cret" * 1000, "nothing can be read at this path"),
        ("SSL_CERT_DIR", "/s3cret", "nothing can be read at this path"),
        ("SSL_CERT_DIR", __file__, "nothing can be read at this path"),
    ],
)
def test_a_variable_that_another_program_set_is_ignored_with_a_warning(load, name, value, reason):
    settings = load(**{name: value})

    assert settings.model_dump() == Settings().model_dump()
    assert len(settings.warnings) == 1
    assert settings.warnings[0].startswith(f"{name} is ignored: {reason}")
    assert "s3cret" not in settings.warnings[0]


def test_a_variable_that_is_ignored_leaves_the_value_to_the_env_file(load, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_text("LOG_LEVEL=debug\n")

    assert load(file, LOG_LEVEL="verbose").log_level == "debug"


def test_a_start_without_a_foreign_value_warns_of_nothing(load):
    settings = load(
        LOG_LEVEL="WARN", LOG_FORMAT="JSON", SSL_CERT_FILE=__file__, PORTKEY_API_KEY="k" * 8
    )

    assert settings.warnings == []


def test_a_key_too_short_to_be_masked_is_warned_of_but_not_in_the_sandbox(load):
    settings = load(PORTKEY_API_KEY="s3cret7")

    assert len(settings.warnings) == 1
    assert "PORTKEY_API_KEY has fewer than 8 characters" in settings.warnings[0]
    assert "s3cret" not in settings.warnings[0]
    assert load(PORTKEY_SANDBOX="true").warnings == []


@pytest.mark.parametrize(
    "key",
    [
        *("${PORTKEY_API_KEY}", "${env:KEY}", "$PORTKEY_API_KEY", "%KEY%", "{{key}}"),
        *("$env:PORTKEY_API_KEY", "$(pass portkey)", "Bearer ${PORTKEY_API_KEY}"),
        *("<your key>", "undefined", "null", "None"),
    ],
)
def test_a_placeholder_that_was_not_replaced_is_no_key(refused, key):
    message = refused(PORTKEY_API_KEY=key)

    assert "PORTKEY_API_KEY is a placeholder that was not replaced" in message


@pytest.mark.parametrize("key", ["pk-undefined", "a$b", "null1", "x<y>"])
def test_a_key_that_only_looks_a_little_like_a_placeholder_is_one(key):
    assert load_settings(PORTKEY_API_KEY=key).api_key.get_secret_value() == key


@pytest.mark.parametrize(
    "key",
    [
        *("s3cret key", "s3cret\nx", " s3cret", "s3cret\u00e9", "s3cret\udcff"),
        *("'s3cret'", '"s3cret"', "s3cret'"),
    ],
)
def test_an_impossible_key_is_refused_without_repeating_it(refused, key):
    message = refused(PORTKEY_API_KEY=key, LOG_LEVEL="info")

    assert "PORTKEY_API_KEY" in message
    assert "copy the key again" in message
    assert "s3cret" not in message


def test_a_key_with_the_word_bearer_is_refused_without_repeating_it(refused):
    message = refused(PORTKEY_API_KEY="Bearer s3cret")

    assert message.startswith("PORTKEY_API_KEY begins with the word Bearer")
    assert "s3cret" not in message


def test_an_error_of_another_setting_does_not_show_the_key(refused):
    assert "s3cret" not in refused(PORTKEY_API_KEY="s3cret", PORTKEY_TIMEOUT_MS="s3cret")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.portkey.ai/v1",
        "https://api.portkey.ai/v1/",
        "HTTPS://API.PORTKEY.AI",
        "https://gateway.example.com:8443/portkey/v1",
        "https://xn--bcher-kva.example/v1",
        "https://internal.example.com",
        "https://1.1.1.1",
        "https://[2606:4700::1111]:8443/v1",
    ],
)
def test_a_public_https_url_is_accepted(load, url):
    assert load(PORTKEY_BASE_URL=url).base_url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://api.portkey.ai/v1", "set PORTKEY_ALLOW_INSECURE_HTTP=true"),
        ("https://admin:s3cret@api.portkey.ai", "no user, password"),
        ("https://@api.portkey.ai", "no user, password"),
        ("https://api.portkey.ai\\@evil.example", "no user, password"),
        ("https://api.portkey.ai/v1?key=s3cret", "query"),
        ("https://api.portkey.ai/v1?", "query"),
        ("https://api.portkey.ai/v1#s3cret", "fragment"),
        ("api.portkey.ai/v1", "a full URL that starts with https://"),
        ("//api.portkey.ai/v1", "a full URL that starts with https://"),
        ("ftp://api.portkey.ai/v1", "a full URL that starts with https://"),
        ("ftp://[2606:4700::1111]/v1", "a full URL that starts with https://"),
        ("https://", "a full URL that starts with https://"),
        ("https:///v1", "a full URL that starts with https://"),
        ("https://api.portkey.ai:99999", "a full URL that starts with https://"),
        ("https://api..ai", "a full URL that starts with https://"),
        ("https://[::1", "a full URL that starts with https://"),
        ("https://[v1.a]", "a full URL that starts with https://"),
        ("https://%6cocalhost", "a full URL that starts with https://"),
        (" https://api.portkey.ai/v1", "a space"),
        ("https://api.portkey.ai\n/v1", "a line break"),
        ("https://b\u00fccher.example", "in its xn-- form"),
        # Python's codec folds the ideographic full stop: the key would go to loopback.
        ("https://127\u30020\u30020\u30021", "not ASCII"),
    ],
)
def test_an_address_the_key_must_not_go_to_is_refused_with_a_reason(refused, url, problem):
    message = refused(PORTKEY_BASE_URL=url)

    assert message.startswith("PORTKEY_BASE_URL ")
    assert problem in message
    assert "s3cret" not in message


@for_each(PRIVATE_HOSTS)
def test_a_private_address_is_refused_however_it_is_spelt(host, refused):
    message = refused(PORTKEY_BASE_URL=f"https://{host}:8443/v1")

    assert "set PORTKEY_ALLOW_PRIVATE_BASE_URL=true" in message


@for_each(PRIVATE_HOSTS)
def test_a_private_address_without_tls_is_accepted_when_both_are_allowed(host, load):
    url = f"http://{host}:8080/v1"

    settings = load(
        PORTKEY_BASE_URL=url,
        PORTKEY_ALLOW_PRIVATE_BASE_URL="true",
        PORTKEY_ALLOW_INSECURE_HTTP="true",
    )

    assert settings.base_url == url


def test_each_permission_allows_only_what_it_names(refused):
    url = "http://10.0.0.7/v1"

    assert "ALLOW_INSECURE_HTTP" in refused(
        PORTKEY_BASE_URL=url, PORTKEY_ALLOW_PRIVATE_BASE_URL="true"
    )
    assert "ALLOW_PRIVATE_BASE_URL" in refused(
        PORTKEY_BASE_URL=url,
        PORTKEY_ALLOW_PRIVATE_BASE_URL="false",
        PORTKEY_ALLOW_INSECURE_HTTP="true",
    )


def test_the_sandbox_needs_neither_address_nor_key(load):
    settings = load(
        PORTKEY_SANDBOX="true", PORTKEY_BASE_URL="http://localhost", PORTKEY_API_KEY="any name"
    )

    assert settings.sandbox


@given(
    st.one_of(
        any_text(),
        any_text().map("https://{}".format),
        st.from_regex(r"https://\S+", alphabet=CHARACTERS),
    )
)
@example("https://[::1]]")
@example("https://a:b:c")
def test_any_text_as_a_url_is_accepted_or_refused_with_a_message(text):
    try:
        settings = load_settings(PORTKEY_BASE_URL=text)
    except ConfigurationError as error:
        assert str(error).startswith("PORTKEY_BASE_URL")
    else:
        assert settings.base_url == text
        assert text.isascii()
        assert text.lower().startswith("https://")


@settings(max_examples=30)
@given(st.ip_addresses(v=4).filter(lambda ip: not ip.is_global))
def test_no_spelling_of_a_private_address_passes(ip):
    number = int(ip)
    first, *rest = str(ip).split(".")
    spellings = [
        str(ip),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{first}.{number & 0xFFFFFF}",
        ".".join([hex(int(first)), *rest]),
        f"[::ffff:{ip}]",
        f"[64:ff9b::{ip}]",
    ]

    for host in spellings:
        with pytest.raises(ConfigurationError, match="ALLOW_PRIVATE_BASE_URL"):
            load_settings(PORTKEY_BASE_URL=f"https://{host}/v1")


@given(any_text(min_size=1))
def test_any_text_as_a_key_is_accepted_or_refused_with_a_message(text):
    try:
        settings = load_settings(PORTKEY_API_KEY=text)
    except ConfigurationError as error:
        assert str(error).startswith("PORTKEY_API_KEY")
    else:
        assert settings.api_key.get_secret_value() == text
        text.encode("ascii")


def test_the_environment_wins_over_the_env_file(load, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_text("PORTKEY_API_KEY=from-file\nPORTKEY_TIMEOUT_MS=1000\nOTHER=ignored\n")

    settings = load(file, PORTKEY_TIMEOUT_MS="2000")

    assert settings.api_key.get_secret_value() == "from-file"
    assert settings.timeout_ms == 2000


def test_a_flag_wins_over_both(load, tmp_path, monkeypatch):
    file = tmp_path / "portkey.env"
    file.write_text("PORTKEY_SANDBOX=false\n")
    monkeypatch.setenv("PORTKEY_SANDBOX", "0")

    assert load_settings(file, PORTKEY_SANDBOX=True).sandbox


def test_an_env_file_is_not_read_unless_named(load, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("PORTKEY_API_KEY=planted\n")
    monkeypatch.chdir(tmp_path)

    assert load().api_key is None


def test_a_wrong_value_in_an_env_file_is_refused_like_any_other(refused, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_text("PORTKEY_TIMEOUT_MS=soon\n")

    assert "PORTKEY_TIMEOUT_MS: input should be a valid integer" in refused(file)


def test_an_env_file_that_is_not_there_is_named(refused):
    message = refused(Path("nowhere") / "portkey.env")

    assert message.startswith("--env-file: there is no file ")
    assert "portkey.env" in message


def test_an_env_file_that_is_not_text_is_named_and_not_quoted(refused, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_bytes(b"PORTKEY_API_KEY=s3cret\xff\n")

    message = refused(file)

    assert "portkey.env cannot be read" in message
    assert "s3cret" not in message


@for_each(
    [
        (name, field)
        for cls in (Settings, SafetySettings, Hosting)
        for field in cls.model_fields.values()
        for name in variable_names(field)[:1]
    ],
    name_of=itemgetter(0),
)
def test_a_setting_says_what_it_is_and_in_which_unit(setting):
    name, field = setting
    description = field.description

    assert description.endswith((".", "`."))
    if field.annotation in (int, int | None):
        assert re.search("milliseconds|seconds|bytes|characters|number of|port", description)
    if re.search("_MS$|_TIMEOUT$", name):
        assert "milliseconds" in description


@pytest.mark.parametrize("name", ["PORTKEY_TIMEOUT_MS", "portkey_timeout_ms", "Portkey_Timeout_Ms"])
def test_a_variable_is_read_in_any_case_from_both_sources(load, tmp_path, name):
    file = tmp_path / "portkey.env"
    file.write_text(f"{name}=1000\n")

    assert load(file).timeout_ms == 1000
    assert load(file, **{name: "2000"}).timeout_ms == 2000


def test_an_empty_variable_leaves_the_value_to_the_env_file(load, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_text("PORTKEY_TIMEOUT_MS=1000\nLOG_LEVEL=\nPORTKEY_TOOLS\n")

    settings = load(file, PORTKEY_TIMEOUT_MS="")

    assert (settings.timeout_ms, settings.log_level, settings.tools) == (1000, "info", ())


def test_of_two_names_of_a_setting_the_first_that_is_set_wins(load):
    assert load(PORTKEY_TOOL_DOMAINS="configs").toolsets == ("configs",)
    assert load(PORTKEY_TOOL_DOMAINS="configs", PORTKEY_TOOLSETS="").toolsets == ("configs",)
    assert load(PORTKEY_TOOL_DOMAINS="configs", PORTKEY_TOOLSETS="users").toolsets == ("users",)


def test_the_environment_wins_over_the_env_file_under_either_name(load, tmp_path):
    file = tmp_path / "portkey.env"
    file.write_text("PORTKEY_TOOLSETS=users\n")

    assert load(file, PORTKEY_TOOL_DOMAINS="configs").toolsets == ("configs",)
    assert load_settings(file, PORTKEY_TOOL_DOMAINS=("labels",)).toolsets == ("labels",)


def test_a_wrong_value_is_named_by_the_first_name_of_its_setting(monkeypatch):
    monkeypatch.setenv("PORT", "99999")

    with pytest.raises(ConfigurationError, match=r"^MCP_PORT: .* For example: MCP_PORT=3000$"):
        load_hosting()


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "https://app.portkey.ai"),
        ({"PORTKEY_DASHBOARD_URL": "https://portkey.example/"}, "https://portkey.example"),
        ({"PORTKEY_DASHBOARD_URL": "off"}, None),
        ({"PORTKEY_BASE_URL": "https://portkey.example/v1"}, None),
        (
            {
                "PORTKEY_BASE_URL": "https://api.example/v1",
                "PORTKEY_DASHBOARD_URL": "https://portkey.example/app",
            },
            "https://portkey.example/app",
        ),
        ({"PORTKEY_SANDBOX": "true"}, None),
        ({"PORTKEY_SANDBOX": "true", "PORTKEY_DASHBOARD_URL": "https://portkey.example"}, None),
    ],
)
def test_the_dashboard_is_portkeys_own_unless_another_one_is_named(load, variables, address):
    assert load(**variables).dashboard_address == address


@pytest.mark.parametrize("url", ["portkey.example", "http://portkey.example", "https://a.b/?c=d"])
def test_a_dashboard_must_have_a_plain_address(refused, url):
    assert "PORTKEY_DASHBOARD_URL must be" in refused(PORTKEY_DASHBOARD_URL=url)
