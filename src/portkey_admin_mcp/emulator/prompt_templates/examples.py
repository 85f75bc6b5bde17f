"""The prompts of a seeded organisation."""

from ..core.seeder import Seeder


def write_examples(seeder: Seeder) -> None:
    """Add two prompts to the workspace Support; the first also has an unpublished version."""
    support = seeder.workspace_named("Support")
    store = seeder.store
    (folder,) = store.table("collections").where(workspace_id=support["id"], name="Macros")
    (provider, other) = store.table("virtual_keys").where(workspace_id=support["id"])[:2]
    (partial,) = store.table("partials").where(workspace_id=support["id"])
    reply = seeder.request(
        "POST /prompts",
        {
            "name": "Reply to customer",
            "collection_id": folder["id"],
            "string": '[{"role": "system", "content": "You answer customers of {{company}}."}, '
            '{"role": "user", "content": "{{question}}{{#order}} (order {{order}}){{/order}}"}]',
            "parameters": {"temperature": 0.3, "max_tokens": 400},
            "model": "gpt-5",
            "virtual_key": provider["slug"],
        },
    )
    seeder.request(
        "PUT /prompts/{prompt_id}",
        {
            "patch": True,
            "string": '[{"role": "system", "content": "Answer customers of {{company}}, ending: '
            f"{{{{>{partial['slug']}}}}}"
            '"}, {"role": "user", "content": "{{question}}"}]',
            "version_description": "Shorter, with the closing",
        },
        prompt_id=reply["id"],
    )
    seeder.request(
        "POST /prompts",
        {
            "name": "Summarise thread",
            "collection_id": folder["id"],
            "string": "Summarise: {{#messages}}{{author}}: {{text}}\n{{/messages}}",
            "parameters": {},
            "model": "claude-sonnet-5",
            "virtual_key": other["slug"],
        },
    )
