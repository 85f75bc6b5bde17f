"""Write tests/facts from published files of Portkey and the TypeScript server.

Also writes the package's list of guardrail checks, from the same files.

    python scripts/extract_facts.py DIRECTORY

DIRECTORY holds Portkey's `openapi.yaml`; `operations.tsv`, with the plan and the scopes that its
documentation names for each operation; and `tools.tsv`, with the arguments of the TypeScript
server's tools. Of `openapi.yaml` only names, types and bounds are kept, without descriptions.
"""

import argparse
import csv
import json
import re
from pathlib import Path
from typing import Any

import yaml

SCOPE = re.compile(
    r"\b[a-z_]+\.(?:create|read|update|delete|list|view|write|export|rotate|publish|render)\b"
)
ROOT = Path(__file__).parents[1]
FACTS = ROOT / "tests" / "facts"
CHECKS = ROOT / "src" / "portkey_admin_mcp" / "models" / "guardrail_checks.json"
CHECK_SCHEMAS = {
    "default.jwt": ("JWTParameters", "the request has a valid JSON web token in a header"),
    "default.modelWhitelist": ("ModelWhitelistParameters", "the request's model is in the list"),
    "default.isAllLowerCase": ("UppercaseParameters", "the text is all lower case"),
    "default.regexMatch": ("RegexMatchParameters", "the pattern matches; with not: it does not"),
    "default.sentenceCount": ("SentenceCountParameters", "the number of sentences is in range"),
    "default.wordCount": ("WordCountParameters", "the number of words is in range"),
    "default.characterCount": ("CharacterCountParameters", "the number of characters is in range"),
    "default.jsonSchema": ("JSONSchemaParameters", "the text holds JSON that fits the schema"),
    "default.jsonKeys": ("JSONKeysParameters", "the JSON in the text has any, all or none of keys"),
    "default.contains": ("ContainsParameters", "the text has any, all or none of the words"),
    "default.validUrls": ("ValidUrlsParameters", "all URLs in the text work"),
    "default.containsCode": ("ContainsCodeParameters", "the text has code in this language"),
    "default.webhook": ("WebhookParameters", "your own service says so"),
    "default.endsWith": ("EndsWithParameters", "the text ends with the suffix"),
    "default.alluppercase": ("UppercaseParameters", "the text is all upper case"),
    "default.requiredMetadataKeys": (
        "RequiredMetadataKeysParameters",
        "the request's metadata has all, any or none of the keys",
    ),
    "default.allowedRequestTypes": (
        "AllowedRequestTypesParameters",
        "the request's type is allowed, and not blocked",
    ),
    "portkey.moderateContent": ("PortkeyModerationParameters", "none of the categories is found"),
    "portkey.language": ("PortkeyLanguageParameters", "the text is in this language"),
    "portkey.pii": ("PortkeyPIIParameters", "no personal data of the categories is found"),
    "portkey.gibberish": (None, "the text is no gibberish"),
    "sydelabs.sydeguard": ("SydeGuardParameters", "the risk scores are below the thresholds"),
    "aporia.validateProject": ("AporiaParameters", "the policies of an Aporia project hold"),
    "pillar.scanPrompt": ("PillarScanParameters", "the scanners find nothing in the prompt"),
    "pillar.scanResponse": ("PillarScanParameters", "the scanners find nothing in the answer"),
    "patronus.phi": ("PatronusParameters", "no health data of persons is found"),
    "patronus.pii": ("PatronusParameters", "no personal data is found"),
    "patronus.isConcise": ("PatronusParameters", "the answer is concise"),
    "patronus.isHelpful": ("PatronusParameters", "the answer is helpful"),
    "patronus.isPolite": ("PatronusParameters", "the answer is polite"),
    "patronus.noApologies": ("PatronusParameters", "the answer has no apologies"),
    "patronus.noGenderBias": ("PatronusParameters", "the answer has no gender bias"),
    "patronus.noRacialBias": ("PatronusParameters", "the answer has no racial bias"),
    "patronus.retrievalAnswerRelevance": (
        "PatronusParameters",
        "the answer is relevant to the question",
    ),
    "patronus.toxicity": ("PatronusParameters", "the text is not toxic"),
    "patronus.custom": ("PatronusCustomParameters", "an evaluator of your own passes"),
    "mistral.moderateContent": ("MistralModerationParameters", "none of the categories is found"),
    "bedrock.guard": ("BedrockGuardParameters", "a guardrail of AWS Bedrock passes"),
    "promptfoo.guard": ("PromptfooParameters", "no jailbreak or prompt injection is found"),
    "promptfoo.pii": ("PromptfooParameters", "no personal data is found"),
    "promptfoo.harm": ("PromptfooParameters", "nothing harmful is found"),
    "acuvity.scan": ("AcuvityScanParameters", "the scans that are on find nothing"),
    "lasso.classify": (None, "Lasso finds nothing"),
    "azure.contentSafety": ("AzureContentSafetyParameters", "the severity is below the threshold"),
    "azure.pii": ("AzurePIIParameters", "no personal data is found"),
    "panw-prisma-airs.intercept": ("PANWPrismaParameters", "Prisma AIRS finds nothing"),
}
"""For each check its schema in `openapi.yaml`, which does not say so, and when the check passes."""
ADMINISTRATIVE = (
    "/admin", "/analytics", "/api-keys", "/audit-logs", "/collections", "/configs", "/feedback",
    "/guardrails", "/integrations", "/labels", "/logs", "/mcp-integrations", "/mcp-servers",
    "/model-configs", "/policies", "/prompts", "/providers", "/scim", "/secret-references",
    "/virtual-keys",
)  # fmt: skip
VERBS = ("get", "post", "put", "delete")
KEYWORDS = (
    "type", "properties", "items", "required", "enum", "format", "pattern", "oneOf", "anyOf",
    "allOf", "nullable", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength",
    "exclusiveMinimum", "exclusiveMaximum", "additionalProperties", "$ref",
)  # fmt: skip
ARGUMENT = re.compile(r"(?P<path>[^:]+):(?P<type>.+?):(?P<need>req|opt)(?::(?P<bounds>.*))?$")


def main() -> None:
    """Write every file of facts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="the directory of the three files")
    source = parser.parse_args().directory
    csv.field_size_limit(10**7)
    document = yaml.safe_load((source / "openapi.yaml").read_text())
    _write("openapi.json", openapi(document))
    _write(CHECKS, guardrail_checks(document))
    with (source / "operations.tsv").open(newline="") as file:
        operations = list(csv.DictReader(file, delimiter="\t"))
    _write("plans.json", plans(operations))
    _write("scopes.json", scopes(operations))
    with (source / "tools.tsv").open(newline="") as file:
        _write("typescript_tools.json", typescript(csv.DictReader(file, delimiter="\t")))


def openapi(document: dict[str, Any]) -> dict[str, Any]:
    """The request body, parameters and answer of each administrative operation."""
    operations = {}
    for path, verbs in document["paths"].items():
        for verb in VERBS:
            if verb in verbs and path.startswith(ADMINISTRATIVE):
                operations[f"{verb.upper()} {path}"] = _operation(document, verbs[verb], verbs)
    schemas = {name: _plain(s) for name, s in document["components"]["schemas"].items()}
    return {
        "source": "Portkey's openapi.yaml of 2026-06-12: names, types and bounds",
        "operations": operations,
        "schemas": _used(operations, schemas),
    }


def _operation(document: dict[str, Any], operation: Any, path: Any) -> dict[str, Any]:
    parameters = {}
    for each in [*path.get("parameters", []), *operation.get("parameters", [])]:
        parameter = _resolved(document, each)
        if parameter["in"] == "query":
            parameters[parameter["name"]] = _plain(parameter.get("schema", {}))
    answers = operation["responses"]
    success = next((answers[code] for code in ("200", "201", 200) if code in answers), {})
    return {
        "query": parameters,
        "body": _content(_resolved(document, operation.get("requestBody", {}))),
        "answer": _content(_resolved(document, success)),
    }


def _resolved(document: dict[str, Any], node: Any) -> Any:
    """The target of a reference, or the node itself if it is none."""
    if "$ref" not in node:
        return node
    target = document
    for part in node["$ref"].split("/")[1:]:
        target = target[part]
    return target


def _content(node: dict[str, Any]) -> Any:
    schema = node.get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else _plain(schema)


def _plain(node: Any) -> Any:
    """A schema as in JSON Schema: without descriptions, and with null among the types."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    schema = {name: _value(name, value) for name, value in node.items() if name in KEYWORDS}
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _value(name: str, value: Any) -> Any:
    """The value of a keyword; the names of properties are not keywords."""
    if name == "properties":
        return {field: _plain(schema) for field, schema in value.items()}
    return "#/schemas/" + value.rpartition("/")[2] if name == "$ref" else _plain(value)


def _used(operations: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas that operations refer to, and those that these refer to."""
    names, used = {*_references(operations)}, {}
    while names:
        name = names.pop()
        if name not in used:
            used[name] = schemas[name]
            names |= {*_references(schemas[name])}
    return dict(sorted(used.items()))


def _references(node: Any) -> list[str]:
    return re.findall(r'"#/schemas/([^"]+)"', json.dumps(node))


def guardrail_checks(document: dict[str, Any]) -> dict[str, Any]:
    """Each guardrail check: when it passes, and its parameters; null if they are not documented.

    Raises ValueError if `CHECK_SCHEMAS` lacks a check of the file, or has one too many.
    """
    schemas = document["components"]["schemas"]
    documented = schemas["GuardrailCheck"]["properties"]["id"]["enum"]
    if {*documented} != CHECK_SCHEMAS.keys():
        raise ValueError(f"CHECK_SCHEMAS differs in {sorted({*documented} ^ CHECK_SCHEMAS.keys())}")
    checks = {}
    for id, (name, passes_if) in CHECK_SCHEMAS.items():
        schema = schemas[name] if name else {}
        parameters = {n: _parameter(each) for n, each in schema.get("properties", {}).items()}
        checks[id] = {
            "passes_if": passes_if,
            "parameters": parameters if name else None,
            "required": schema.get("required", []),
        }
    source = "Portkey's openapi.yaml of 2026-06-12, by scripts/extract_facts.py"
    return {"source": source, "checks": checks}


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """The type of a parameter, its choices or those of its items, its unit, and its default."""
    parameter: dict[str, Any] = {"type": schema["type"]}
    if choices := schema.get("enum") or schema.get("items", {}).get("enum"):
        parameter["choices"] = choices
    if unit := re.search(r"in (seconds|milliseconds)", schema.get("description", "")):
        parameter["unit"] = unit[1]
    if "default" in schema:
        parameter["default"] = schema["default"]
    return parameter


def plans(rows: Any) -> dict[str, Any]:
    """The plan that each operation needs: `enterprise`, or `all` for any plan."""
    operations = {
        f"{row['method']} {row['path']}": "enterprise"
        if row["plan"].startswith("enterprise")
        else "all"
        for row in rows
        if row["plan"][:1] in ("a", "e")
    }
    return {"source": "The plans that Portkey's documentation names", "operations": operations}


def scopes(rows: Any) -> dict[str, Any]:
    """The scopes of each operation for which the documentation names any."""
    operations = {}
    for row in rows:
        names = sorted(set(SCOPE.findall(row["documented_scopes"])))
        if names and "presumed" not in row["documented_scopes"]:
            operations[f"{row['method']} {row['path']}"] = names
    return {"source": "The scopes that Portkey's documentation names", "operations": operations}


def typescript(rows: Any) -> dict[str, Any]:
    """The arguments of each tool: by place, the type, `req` or `opt`, and the bounds."""
    tools = {}
    for row in rows:
        arguments = {}
        for text in filter(None, row["args"].split(" ; ")):
            argument = ARGUMENT.match(text)
            if argument is None:
                raise ValueError(f"{row['name']}: {text}")
            arguments[argument["path"]] = [
                argument["type"],
                argument["need"],
                argument["bounds"] or "",
            ]
        tools[row["name"]] = arguments
    form = "by tool and place: type, req or opt, bounds; `[]` marks a list, a dot a part"
    return {"source": f"The arguments of the TypeScript server's tools, {form}", "tools": tools}


def _write(name: str | Path, facts: dict[str, Any]) -> None:
    """Write a file with one line for each operation, schema and tool, so that diffs are short."""
    parts = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f" {json.dumps(key)}: {{\n{lines}\n }}")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    (FACTS / name).write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
