"""The check of billing metadata, which asks nobody."""


async def test_missing_fields_are_errors_in_the_answer_not_of_the_call(ask, emulator):
    emulator.log.clear()

    told = await ask("validate_completion_metadata", app="desk")

    assert told == {
        "valid": False,
        "errors": ["Missing required field: client_id", "Missing required field: env"],
        "warnings": ["Missing recommended field: project_id (helps with billing attribution)"],
        "metadata": {"app": "desk"},
    }
    assert not emulator.log


async def test_complete_metadata_is_valid(ask):
    given = {"client_id": "c", "app": "a", "env": "dev", "project_id": "p", "feature": "f"}

    told = await ask("validate_completion_metadata", **given)

    assert told == {"valid": True, "errors": [], "warnings": [], "metadata": given}
