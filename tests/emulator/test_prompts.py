"""Prompts in the emulator: versions, labels, rendering."""

import json

import pytest


@pytest.fixture
def collection(emulator, workspace):
    workspace_id = workspace("Support")
    return next(
        row["id"]
        for row in emulator.store.table("collections").rows()
        if row["workspace_id"] == workspace_id and not row["is_default"]
    )


@pytest.fixture
def provider(emulator, workspace):
    rows = emulator.store.table("virtual_keys").where(workspace_id=workspace("Support"))
    return rows[0]["slug"]


@pytest.fixture
def body(collection, provider):
    return {
        "name": "Greeting",
        "collection_id": collection,
        "string": "Hello {{name}}",
        "parameters": {"temperature": 0.5},
        "model": "gpt-5",
        "virtual_key": provider,
    }


@pytest.fixture
def rendered(ok, body):
    """Create a prompt from a template, render it, and return the text of its only message."""

    def text(template, variables, **more):
        created = ok("POST /prompts", body | {"string": template} | more)
        path = f"POST /prompts/{created['slug']}/render"
        answer = ok(path, {"variables": variables}, key="workspace-service")
        (message,) = answer["data"]["messages"]
        return message["content"]

    return text


@pytest.mark.parametrize(
    "missing", ["name", "collection_id", "string", "parameters", "virtual_key"]
)
def test_a_prompt_needs_all_required_fields(refused, body, missing):
    body.pop(missing)

    assert refused("POST /prompts", body) == (400, "AB01")


def test_a_prompt_needs_a_provider_of_its_workspace(refused, body, emulator, workspace):
    other = emulator.store.table("virtual_keys").where(
        workspace_id=workspace("Shared Team Workspace")
    )

    assert refused("POST /prompts", body | {"virtual_key": other[0]["slug"]}) == (400, "AB01")
    assert refused("POST /prompts", body | {"virtual_key": "none"}) == (400, "AB01")


def test_without_patch_a_version_needs_all_required_fields(ok, refused, body):
    created = ok("POST /prompts", body)
    path = f"PUT /prompts/{created['slug']}"

    assert refused(path, {"string": "Hi"}) == (400, "AB01")
    assert ok(path, {"string": "Hi", "patch": True})["prompt_version_id"]


def test_patch_builds_on_the_latest_version_not_on_the_published_one(ok, body):
    created = ok("POST /prompts", body)
    path = f"/prompts/{created['slug']}"
    second = {"patch": True, "string": "Second", "version_description": "Shorter"}
    ok(f"PUT {path}", second)
    ok(f"PUT {path}", {"patch": True, "model": "gpt-5-mini"})

    assert ok(f"GET {path}")["string"] == "Hello {{name}}"
    third = ok(f"GET {path}?version=3")
    assert (third["string"], third["model"]) == ("Second", "gpt-5-mini")
    assert third["parameters"] == {"temperature": 0.5, "model": "gpt-5-mini"}
    # The OpenAPI file says of the description too that it is taken from the latest version.
    assert third["prompt_version_description"] == "Shorter"


def test_a_prompt_of_another_workspace_is_refused(ok, refused, body, workspace, emulator):
    shared = workspace("Shared Team Workspace")
    (folder,) = emulator.store.table("collections").where(workspace_id=shared)
    (provider,) = emulator.store.table("virtual_keys").where(workspace_id=shared)
    theirs = body | {"collection_id": folder["id"], "virtual_key": provider["slug"]}
    slug = ok("POST /prompts", theirs)["slug"]

    for endpoint in ("GET", "PUT", "DELETE"):
        path = f"{endpoint} /prompts/{slug}"
        assert refused(path, {}, key="workspace-service") == (403, "AB03")
    run = f"POST /prompts/{slug}/render"
    assert refused(run, {"variables": {}}, key="workspace-service") == (403, "AB03")
    move = {"collection_id": body["collection_id"]}
    assert refused(f"PUT /prompts/{slug}", move) == (400, "AB01")


def test_a_label_is_on_one_version_of_a_prompt_and_selects_it(ok, refused, body):
    created = ok("POST /prompts", body)
    path = f"/prompts/{created['slug']}"
    second = ok(f"PUT {path}", {"patch": True, "string": "Hi {{name}}"})["prompt_version_id"]
    label = next(r["id"] for r in ok("GET /labels")["data"] if r["name"] == "staging")
    run = f"POST {path}@staging/render"

    def text():
        answer = ok(run, {"variables": {"name": "A"}}, key="workspace-service")
        return answer["data"]["messages"][0]["content"]

    ok(f"PUT {path}/versions/{created['version_id']}", {"label_id": label})
    assert text() == "Hello A"
    ok(f"PUT {path}/versions/{second}", {"label_id": label})
    assert text() == "Hi A"
    assert [v["label_id"] for v in ok(f"GET {path}/versions")["data"]] == [label, None]
    assert refused(f"PUT {path}/versions/{second}", {}) == (400, "AB01")
    assert text() == "Hi A"
    ok(f"PUT {path}/versions/{second}", {"label_id": None})
    assert refused(run, {"variables": {}}, key="workspace-service") == (404, "AB08")


@pytest.mark.parametrize(
    ("name", "text"), [("", "One"), ("@latest", "Two"), ("@1", "One"), ("@2", "Two")]
)
def test_a_slug_may_name_the_version_to_run(ok, body, name, text):
    created = ok("POST /prompts", body | {"string": "One"})
    ok(f"PUT /prompts/{created['slug']}", {"patch": True, "string": "Two"})

    path = f"POST /prompts/{created['slug']}{name}/render"
    answer = ok(path, {"variables": {}}, key="workspace-service")

    assert answer["data"]["messages"] == [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("template", "variables", "text"),
    [
        ("{{a}} & {{{a}}} & {{&a}}", {"a": '<"b">'}, '<"b"> & <"b"> & <"b">'),
        ("{{#l}}{{.}},{{/l}}{{^l}}none{{/l}}", {"l": [1, True, None]}, "1,true,,"),
        ("{{#l}}x{{/l}}{{^l}}none{{/l}}", {"l": []}, "none"),
        ("{{#p}}{{first}} {{last}}{{/p}}", {"p": {"first": "A"}, "last": "B"}, "A B"),
        ("{{p.q}}-{{p.upper}}", {"p": {"q": 1.5}}, "1.5-"),
        ("[{{missing}}]", {}, "[]"),
        ("{{! a remark }}x", {}, "x"),
        ("[{{}}{{ }}{{{}}}{{!}}]{{a}}", {"a": 1}, "[]1"),
    ],
)
def test_a_template_is_mustache(rendered, template, variables, text):
    assert rendered(template, variables) == text


def test_quotes_in_a_value_do_not_break_messages(rendered):
    template = json.dumps([{"role": "user", "content": [{"type": "text", "text": "Q: {{q}}"}]}])

    assert rendered(template, {"q": 'a "b"\n'}) == [{"type": "text", "text": 'Q: a "b"\n'}]


def test_a_raw_template_is_filled_in_before_it_is_read(ok, body):
    template = (
        '[{{#rows}}{"role": "user", "content": "{{.}}"},{{/rows}}{"role":"user","content":"z"}]'
    )
    created = ok("POST /prompts", body | {"string": template, "is_raw_template": 1})

    run = f"POST /prompts/{created['slug']}/render"
    answer = ok(run, {"variables": {"rows": ["x", "y"]}}, key="workspace-service")

    assert [each["content"] for each in answer["data"]["messages"]] == ["x", "y", "z"]


def test_partials_are_included_in_the_version_that_is_named(ok, rendered, workspace):
    created = ok(
        "POST /prompts/partials",
        {"name": "Sign", "string": "one {{n}}", "workspace_id": workspace("Support")},
    )
    slug = created["slug"]
    ok(f"PUT /prompts/partials/{slug}", {"string": "two {{n}}"})

    assert rendered(f"{{{{>{slug}}}}}", {"n": 1}) == "one 1"
    assert rendered(f"{{{{>{slug}@2}}}}", {"n": 1}) == "two 1"
    assert rendered(f"{{{{>{slug}@latest}}}}", {"n": 1}) == "two 1"
    assert rendered(f"[{{{{>{slug}@9}}}}{{{{>none}}}}]", {}) == "[]"


def test_a_partial_of_another_workspace_is_not_included(ok, rendered, workspace):
    secret = {"name": "S", "string": "secret", "workspace_id": workspace("Science")}
    slug = ok("POST /prompts/partials", secret)["slug"]

    assert rendered(f"[{{{{>{slug}}}}}]", {}) == "[]"


@pytest.mark.parametrize("template", ["{{#a}}{{/b}}", "{{/a}}", "{{#a}}x", "{{^b}}{{#a}}x{{/a}}"])
def test_a_template_that_cannot_be_read_is_refused(ok, refused, body, template):
    slug = ok("POST /prompts", body | {"string": template})["slug"]

    run = f"POST /prompts/{slug}/render"
    assert refused(run, {"variables": {"a": 1}}, key="workspace-service") == (400, "AB01")


def test_a_partial_that_includes_itself_is_refused(ok, refused, body, workspace):
    partial = {"name": "Loop", "string": "x", "workspace_id": workspace("Support")}
    slug = ok("POST /prompts/partials", partial)["slug"]
    ok(f"PUT /prompts/partials/{slug}", {"string": f"{{{{>{slug}}}}}"})
    ok(f"PUT /prompts/partials/{slug}/makeDefault", {"version": 2})
    created = ok("POST /prompts", body | {"string": f"{{{{>{slug}}}}}"})

    run = f"POST /prompts/{created['slug']}/render"
    assert refused(run, {"variables": {}}, key="workspace-service") == (400, "AB01")


def test_the_model_gives_the_same_answer_each_time_and_stops_at_max_tokens(ok, refused, body):
    slug = ok("POST /prompts", body)["slug"]
    run = f"POST /prompts/{slug}/completions"
    parameters = {"variables": {"name": "Ada"}}

    first = ok(run, parameters, key="workspace-service")
    again = ok(run, parameters, key="workspace-service")
    short = ok(run, parameters | {"max_tokens": 2}, key="workspace-service")

    assert first == again
    assert first["choices"][0]["message"]["content"] == "You said: Hello Ada"
    assert first["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 2
    assert refused(run, parameters | {"stream": True}, key="workspace-service") == (400, "AB01")


@pytest.mark.parametrize(("parameters", "count"), [(None, 1), (1, 1), (3, 3), (128, 128)])
def test_a_completion_has_the_requested_number_of_choices(ok, body, parameters, count):
    slug = ok("POST /prompts", body)["slug"]

    answer = ok(
        f"POST /prompts/{slug}/completions",
        {"variables": {"name": "Ada"}, "n": parameters},
        key="workspace-service",
    )

    assert [choice["index"] for choice in answer["choices"]] == list(range(count))
    contents = {choice["message"]["content"] for choice in answer["choices"]}
    assert contents == {"You said: Hello Ada"}
    assert answer["usage"]["completion_tokens"] == 5 * count
    assert answer["usage"]["total_tokens"] == 3 + 5 * count


@pytest.mark.parametrize("parameters", [0, 129, -1, 1.5, "2", True])
def test_an_invalid_number_of_choices_is_refused(ok, refused, body, parameters):
    slug = ok("POST /prompts", body)["slug"]

    run = f"POST /prompts/{slug}/completions"
    parameters = {"variables": {"name": "Ada"}, "n": parameters}
    assert refused(run, parameters, key="workspace-service") == (400, "AB01")


@pytest.mark.parametrize(
    "wrong", [{"metadata": "text"}, {"metadata": {"_user": ["Ada"]}}, {"model": {"name": "gpt-5"}}]
)
def test_a_completion_that_cannot_be_recorded_is_refused(ok, refused, body, wrong):
    slug = ok("POST /prompts", body)["slug"]

    parameters = {"variables": {"name": "Ada"}, **wrong}
    answer = refused(f"POST /prompts/{slug}/completions", parameters, key="workspace-service")
    assert answer == (400, "AB01")


def test_the_number_of_choices_may_be_a_parameter_of_the_version(ok, body):
    slug = ok("POST /prompts", body | {"parameters": {"n": 2}})["slug"]
    run, variables = f"POST /prompts/{slug}/completions", {"variables": {"name": "Ada"}}

    assert len(ok(run, variables, key="workspace-service")["choices"]) == 2
    one = ok(run, variables | {"n": 1}, key="workspace-service")
    assert len(one["choices"]) == 1


def test_a_prompt_does_not_run_when_its_provider_is_deleted(ok, refused, body, provider, workspace):
    slug = ok("POST /prompts", body)["slug"]
    ok(f"DELETE /virtual-keys/{provider}?workspace_id={workspace('Support')}")

    run = f"POST /prompts/{slug}/completions"
    assert refused(run, {"variables": {}}, key="workspace-service") == (400, "AB01")


def test_an_admin_key_cannot_run_a_prompt(refused, ok, body):
    slug = ok("POST /prompts", body)["slug"]

    for act in ("render", "completions"):
        run = f"POST /prompts/{slug}/{act}"
        assert refused(run, {"variables": {}}, key="admin") == (403, "AB03")


def test_a_prompt_is_deleted_with_its_versions_and_their_labels(ok, body, emulator):
    created = ok("POST /prompts", body)
    label = ok("GET /labels")["data"][0]["id"]
    path = f"/prompts/{created['id']}"
    ok(f"PUT {path}/versions/{created['version_id']}", {"label_id": label})

    ok(f"DELETE {path}")

    store = emulator.store
    assert not store.table("prompt_versions").where(parent_id=created["id"])
    assert not store.table("label_marks").where(prompt_id=created["id"])


def test_a_collection_with_prompts_is_not_deleted(refused, body, ok):
    ok("POST /prompts", body)

    assert refused(f"DELETE /collections/{body['collection_id']}") == (409, "AB07")


def test_the_names_in_a_template_are_listed(ok, body):
    template = "{{a}} {{{b}}} {{#s}}{{a}}{{/s}} {{>p@2}} {{! no }}{{=<% %>=}}"
    created = ok("POST /prompts", body | {"string": template})

    assert ok(f"GET /prompts/{created['id']}")["variable_components"] == {
        "variables": ["a", "b"],
        "partials": ["p@2"],
        "sections": ["s"],
    }


def test_versions_lose_a_deleted_label(ok, refused, body, workspace):
    created = ok("POST /prompts", body)
    label = ok("POST /labels", {"name": "beta", "workspace_id": workspace("Support")})["id"]
    path = f"/prompts/{created['slug']}"
    ok(f"PUT {path}/versions/{created['version_id']}", {"label_id": label})
    assert ok(f"GET {path}")["prompt_version_labels"] == [{"id": label, "name": "beta"}]

    ok(f"DELETE /labels/{label}")

    assert ok(f"GET {path}")["prompt_version_labels"] == []
    run = f"POST {path}@beta/render"
    assert refused(run, {"variables": {}}, key="workspace-service") == (404, "AB08")


def test_a_partial_that_leaves_a_section_open_is_refused(ok, refused, body, workspace):
    partial = {"name": "Open", "string": "{{#a}}x", "workspace_id": workspace("Support")}
    slug = ok("POST /prompts/partials", partial)["slug"]
    created = ok("POST /prompts", body | {"string": f"{{{{>{slug}}}}}"})

    run = f"POST /prompts/{created['slug']}/render"
    assert refused(run, {"variables": {"a": 1}}, key="workspace-service") == (400, "AB01")


def test_a_prompt_moves_only_between_collections_of_its_workspace(
    ok, refused, body, emulator, workspace
):
    created = ok("POST /prompts", body)
    path = f"/prompts/{created['slug']}"
    collections = emulator.store.table("collections")
    (near, *_) = collections.where(workspace_id=workspace("Support"), is_default=True)
    (far, *_) = collections.where(workspace_id=workspace("Science"))

    assert ok(f"PUT {path}", {"collection_id": near["id"]}) == {}
    assert refused(f"PUT {path}", {"collection_id": far["id"]}) == (400, "AB01")

    assert created["slug"].startswith("pp-greeting-")
    assert ok(f"GET {path}")["collection_id"] == near["id"]


def test_a_version_has_no_label_of_another_workspace(ok, refused, body, workspace):
    created = ok("POST /prompts", body)
    path = f"PUT /prompts/{created['slug']}/versions/{created['version_id']}"

    def label(name):
        return ok("POST /labels", {"name": "canary", "workspace_id": workspace(name)})["id"]

    nowhere = path.replace(created["version_id"], "none")
    assert refused(nowhere, {"label_id": None}) == (404, "AB08")
    assert refused(path, {"label_id": label("Science")}) == (400, "AB01")
    assert ok(path, {"label_id": label("Support")}) == {}
