"""Read a policy from its YAML file; an error names the line, the field and what is right."""

import logging
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..domains import GROUPS, TOOLSETS, domains_of
from ..errors import ConfigurationError
from ..portkey.catalog import Effect, Risk
from ..suggestions import ALL_TOOLS, suggest
from .policy import Action, Policy, Rule

MAX_PROBLEMS = 5
"""Problems that an error names."""
MAX_BYTES = 1_000_000
EFFECTS = get_args(Effect)
RISKS = get_args(Risk)
ACTIONS = get_args(Action)

log = logging.getLogger(__name__)

Place = tuple[str | int, ...]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _claims(value: Any) -> Any:
    """The values of each claim as a list of texts."""
    if not isinstance(value, dict):
        return value
    return {name: _claim_values(each) for name, each in value.items()}


def _claim_values(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    return [str(v).lower() if isinstance(v, bool) else v for v in values]


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], BeforeValidator(_listed), Field(min_length=1)]
"""One text, or a list of them."""
ClaimValues = Annotated[list[Text], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)


class PrincipalSchema(_Strict):
    """Whom a rule is about: each condition that is given must be met."""

    name: Texts | None = None
    role: Texts | None = None
    claim: (
        Annotated[dict[str, ClaimValues], BeforeValidator(_claims), Field(min_length=1)] | None
    ) = None


class RuleSchema(_Strict):
    """A rule as it is written: an action, conditions, and the reason that a model is given."""

    action: Literal["allow", "confirm", "deny"]
    tool: Texts | None = None
    toolset: Texts | None = None
    effect: (
        Annotated[
            list[Literal["read", "create", "overwrite", "delete"]],
            BeforeValidator(_listed),
            Field(min_length=1),
        ]
        | None
    ) = None
    risk: (
        Annotated[
            list[Literal["low", "medium", "high"]], BeforeValidator(_listed), Field(min_length=1)
        ]
        | None
    ) = None
    workspace: Texts | None = None
    principal: PrincipalSchema | None = None
    why: str = ""

    def rule(self, place: str) -> Rule:
        """The rule, with the place where it is written."""
        principal = self.principal or PrincipalSchema()
        return Rule(
            action=self.action,
            tools=frozenset(self.tool or ()),
            toolsets=frozenset(self.toolset or ()),
            effects=frozenset(self.effect or ()),
            risks=frozenset(self.risk or ()),
            workspaces=frozenset(self.workspace or ()),
            principals=frozenset(principal.name or ()),
            roles=frozenset(principal.role or ()),
            claims={name: frozenset(values) for name, values in (principal.claim or {}).items()},
            why=self.why.strip(),
            place=place,
        )


class PolicySchema(_Strict):
    """The whole file."""

    default: Literal["allow", "deny"] = "allow"
    rules: list[RuleSchema] = []


def read_policy(file: Path, tools: Iterable[str]) -> Policy:
    """The policy in a file; `tools` are the names that a rule may name.

    Raises ConfigurationError, with the line of each mistake, or if the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"PORTKEY_POLICY_FILE: {file} cannot be read ({error.strerror})"
        ) from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"PORTKEY_POLICY_FILE: {file} is larger than {MAX_BYTES} bytes")
    return parse_policy(content, file.name, tools)


def parse_policy(content: str | bytes, name: str, tools: Iterable[str]) -> Policy:
    """The policy in a text; `name` is that of its file. Raises ConfigurationError."""
    try:
        loader = yaml.SafeLoader(content)
        tree = loader.get_single_node()
        problems = list(_repeated_fields(tree, ()))
        data = None if tree is None else loader.construct_document(tree)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{name}:{line}: this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"{name}: this is no YAML: {error}") from None
    schema = PolicySchema()
    if not problems:
        try:
            schema = PolicySchema.model_validate({} if data is None else data)
        except ValidationError as error:
            problems = [(e["loc"], _problem(e)) for e in error.errors(include_url=False)]
        else:
            problems = list(_unknown_names(schema, [*tools]))
    if problems:
        lines = [
            f"{name}:{_line(tree, place)}: {_dotted(place)}: {text}" for place, text in problems
        ]
        more = [f"… and {len(lines) - MAX_PROBLEMS} more"] if len(lines) > MAX_PROBLEMS else []
        raise ConfigurationError("\n".join([*lines[:MAX_PROBLEMS], *more]))
    rules = [
        rule.rule(f"{name}:{_line(tree, ('rules', number))}")
        for number, rule in enumerate(schema.rules)
    ]
    return Policy(tuple(rules), schema.default)


class PolicySource:
    """The policy in force, which is read from its file again at SIGHUP."""

    def __init__(self, file: Path, tools: Callable[[], Iterable[str]]) -> None:
        self._file = file
        self._tools = tools
        self.policy = read_policy(file, tools())

    def reload(self) -> None:
        """Read the file again; if it is wrong, log the error and keep the old policy."""
        try:
            self.policy = read_policy(self._file, self._tools())
        except ConfigurationError as error:
            log.error("the policy was not changed, because its file is wrong:\n%s", error)
        else:
            log.warning("read the policy again: %d rules", len(self.policy.rules))


def _unknown_names(schema: PolicySchema, tools: list[str]) -> Iterator[tuple[Place, str]]:
    """Names of tools and toolsets that do not exist: such a rule would do nothing."""
    for number, rule in enumerate(schema.rules):
        for place, pattern in enumerate(rule.tool or ()):
            if not any(fnmatchcase(tool, pattern) for tool in tools):
                hint = suggest(pattern, tools) or ALL_TOOLS
                yield ("rules", number, "tool", place), f"no tool is called {pattern!r}; {hint}"
        for place, toolset in enumerate(rule.toolset or ()):
            if not domains_of(toolset):
                names = [*TOOLSETS, *GROUPS]
                hint = suggest(toolset, names) or f"there are {', '.join(names)}"
                yield ("rules", number, "toolset", place), f"there is no {toolset!r}; {hint}"


def _repeated_fields(node: yaml.Node | None, place: Place) -> Iterator[tuple[Place, str]]:
    """Fields that are written twice: YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated_fields(item, (*place, number))
    if isinstance(node, yaml.MappingNode):
        names = set()
        for key, value in node.value:
            name = str(key.value)
            if name in names:
                yield (*place, name), "is written twice; write it once, with a list if need be"
            names.add(name)
            yield from _repeated_fields(value, (*place, name))


def _problem(error: Any) -> str:
    """What is wrong, and what is right instead."""
    kind = error["type"]
    if kind == "extra_forbidden":
        names = _names_at(error["loc"])
        hint = suggest(str(error["loc"][-1]), names, limit=1) or f"there are {', '.join(names)}"
        return f"there is no such field; {hint}"
    if kind == "missing":
        return f"is required: {', '.join(ACTIONS)}"  # only an action is
    if kind == "literal_error":
        words = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = suggest(str(error["input"]), words, limit=1)
        text = f"{str(error['input'])[:60]!r} is not one of {', '.join(words)}"
        return f"{text}; {hint}" if hint else text
    if kind in ("too_short", "string_too_short"):
        return "is empty; name at least one, or leave the field out"
    message: str = error["msg"]
    return message[0].lower() + message[1:]


def _names_at(place: Place) -> list[str]:
    if "principal" in place[:-1]:
        return list(PrincipalSchema.model_fields)
    return list((RuleSchema if "rules" in place[:-1] else PolicySchema).model_fields)


def _dotted(place: Place) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "the file"


def _line(tree: yaml.Node | None, place: Place) -> int:
    """The line, from 1, of a field; of the nearest object around it if it is missing."""
    node, line = tree, 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
