"""Short keys are not redacted: they are parts of ordinary words."""

import pytest

from portkey_admin_mcp.portkey.redaction import forms_of


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a", "a config of pk-long1 was not valid"),
        ("config", "a config of pk-long1 was not valid"),
        ("config ", "a config of pk-long1 was not valid"),
        ("pk-long1", "a config of *** was not valid"),
    ],
)
def test_only_a_key_of_at_least_eight_characters_is_redacted(key, shown):
    assert forms_of(key).sub("***", "a config of pk-long1 was not valid") == shown
