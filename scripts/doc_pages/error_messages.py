"""The texts of errors in the sources: what `raise` and `return` build, with placeholders.

Reads the sources instead of running them, so that no message is forgotten. A text that a name or
a constant of the same file, or one that it imports, holds is looked up; `{…}` stands for what is
filled in.
"""

import ast
import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeGuard

from portkey_admin_mcp.cli.options import DESCRIBE_SETTING
from portkey_admin_mcp.clients.servers import PROGRAM

BUILTIN_ERRORS = ("ValueError", "TypeError", "RuntimeError", "TimeoutError", "Exit")
"""Raised for people only in the files and packages of VALIDATORS; else they are caught inside."""
VALIDATORS = (
    *("models/", "settings/", "clients/", "server/modes/code_process.py"),
    *("emulator/shared/", "emulator/feedback.py", "emulator/core/faults.py"),
)
INTERNAL = ("next", "kind", "IndexError", "ConnectionResetError", "NotConnected")
"""What is raised and never shown."""
NAMED = re.compile(
    r"[A-Za-z]*(Error|Exception|Refused|Needed|Permitted|Unusable|Undoable|Failed|Skipped|Warning|"
    r"Missing|Unavailable|NotFound|Parameter|Unreachable|Answer|Refusal|ReadOnly)$|"
    r"_?(invalid|wrong|not_open|too_large|forbidden|not_found|insufficient_scope|invalid_token|"
    r"not_connected|failure|refused?)$"
)
"""The classes of errors, and the functions that build one."""
IGNORED_NAMES = (
    "self", "str", "sorted", "join", "type", "int", "repr", "json", "dumps", "map", "len", "set",
    "get_args", "list", "printable", "strip", "format", "__name__",
)  # fmt: skip
"""Names in an expression that do not say what it holds."""
FILLED_IN = {
    "typed_command": PROGRAM,
    "describe_setting": DESCRIBE_SETTING.replace("{program}", PROGRAM),
}
"""What the documentation shows for the functions whose text depends on how the program started."""
MIN_WORDS = 2
"""A text of fewer words is a code or a name."""
MIN_WORDS_OF_A_SENTENCE = 3
"""The same, for texts without a placeholder that are not in a `raise` or `return` of an error."""
PREFIXES = {
    "invalid": ("400", "Invalid request. {field}: "),
    "not_found": ("404", "Not found: "),
}
"""What functions of the emulator put before a text, and the status they answer."""


class Message(NamedTuple):
    """A text of an error: the file that has it, the class of the error, and its HTTP status."""

    file: str
    kind: str
    status: str
    text: str


def messages_in(package: Path) -> list[Message]:
    """Every message of the package, in the order of files and lines."""
    return [
        message
        for file in sorted(package.rglob("*.py"))
        for message in dict.fromkeys(messages_of(file, package))
    ]


def messages_of(file: Path, package: Path) -> Iterator[Message]:
    """The messages of one file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    name = file.relative_to(package).as_posix()
    errors = {function: error_calls(function, name) for function in [tree, *functions(tree)]}
    if not any(errors.values()):
        return
    constants = imported(tree.body, file) | returned(tree) | assigned(tree.body)
    for function, calls in errors.items():
        names = constants | assigned(statements(function) if calls else [])
        for call in calls:
            kind = kind_of(call)
            status = next((str(a.value) for a in call.args if is_number(a)), "")
            for text in texts_of(call, names):
                yield Message(name, kind, *prefixed(kind, name, status, text))


def error_calls(function: ast.AST, file: str) -> list[ast.Call]:
    """The calls that build an error which a function raises or returns, and which is shown."""
    calls = []
    for statement in own_statements(function):
        value = statement.exc if isinstance(statement, ast.Raise) else statement.value
        if isinstance(value, ast.Call) and shown(kind_of(value), file, statement):
            calls.append(value)
    return calls


def kind_of(call: ast.Call) -> str:
    """The name of the class or function that is called, without its module."""
    return ast.unparse(call.func).rpartition(".")[2]


def prefixed(kind: str, file: str, status: str, text: str) -> tuple[str, str]:
    """The status and the complete text of an error that a function of the emulator builds."""
    if not file.startswith("emulator/") or kind not in PREFIXES:
        return status, text
    return PREFIXES[kind][0], PREFIXES[kind][1] + text


def texts_in(package: Path, place: str) -> list[Message]:
    """The sentences in a function or constant, named as `file.py:name`.

    Raises ValueError if it does not exist, or has none.
    """
    file, _, name = place.partition(":")
    tree = ast.parse((package / file).read_text(encoding="utf-8"))
    names = assigned(tree.body)
    sentences = [
        Message(file, name, "", text)
        for node in ast.walk(tree)
        if name in names_of(node)
        for text in sentences_of(node, names)
    ]
    if not sentences:
        raise ValueError(f"{place} holds no text of an error")
    return list(dict.fromkeys(sentences))


def names_of(node: ast.AST) -> list[str]:
    """The names that a definition or an assignment defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def sentences_of(node: ast.AST, names: dict[str, ast.expr]) -> Iterator[str]:
    """The texts inside, without docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.JoinedStr | ast.Constant):
            text = " ".join(template(child, names).split())
            is_filled = isinstance(child, ast.JoinedStr)
            min_words = MIN_WORDS if is_filled else MIN_WORDS_OF_A_SENTENCE
            if literal_words(text) >= min_words:
                yield text
        else:
            yield from sentences_of(child, names)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements in a node, level by level: `ast.walk` visits each expression, too."""
    nodes = deque(inner_statements(node))
    while nodes:
        child = nodes.popleft()
        nodes.extend(inner_statements(child))
        if isinstance(child, ast.stmt):
            yield child


def inner_statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements directly in a node, and what holds further ones: handlers and cases."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, field, ())


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a file, also those inside others."""
    return [n for n in statements(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def own_statements(function: ast.AST) -> Iterator[ast.Raise | ast.Return]:
    """The `raise` and `return` of a function, without those of functions inside it."""
    for child in inner_statements(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Raise | ast.Return):
            yield child
        else:
            yield from own_statements(child)


def shown(kind: str, file: str, statement: ast.stmt) -> bool:
    """Whether an error of this name is shown to a person or a model."""
    if kind in INTERNAL:
        return False
    if kind in BUILTIN_ERRORS:
        return file.startswith(VALIDATORS) and isinstance(statement, ast.Raise)
    return NAMED.match(kind) is not None


def assigned(nodes: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """What names are set to, once, in these statements."""
    values: dict[str, ast.expr] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            values[node.target.id] = node.value
    return values


@cache
def assigned_in(source: str) -> dict[str, ast.expr]:
    """What the names of a source text are set to at its top level."""
    return assigned(ast.parse(source).body)


def returned(tree: ast.Module) -> dict[str, ast.expr]:
    """What each function of a file returns, as a tuple, under the name of the call, like `f()`."""
    values: dict[str, ast.expr] = {}
    for node in functions(tree):
        own = [each.value for each in own_statements(node) if isinstance(each, ast.Return)]
        values[f"{node.name}()"] = ast.Tuple([each for each in own if each is not None])
    return values


def imported(nodes: list[ast.stmt], file: Path) -> dict[str, ast.expr]:
    """The constants that these statements of a file import from other files of the package."""
    values: dict[str, ast.expr] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            source = file.parents[node.level - 1].joinpath(*node.module.split("."))
            names = {each.name for each in node.names if each.name.isupper()}
            if names and source.with_suffix(".py").is_file():
                theirs = assigned_in(source.with_suffix(".py").read_text(encoding="utf-8"))
                values |= {name: theirs[name] for name in names & theirs.keys()}
    return values


def is_number(node: ast.expr) -> TypeGuard[ast.Constant]:
    """Whether an argument is an HTTP status."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value >= 100


def texts_of(call: ast.Call, names: dict[str, ast.expr]) -> Iterator[str]:
    """The texts among the arguments of a call."""
    for argument in call.args:
        for expression in choices(argument, names):
            text = " ".join(template(expression, names).split())
            if len(re.sub(r"\{[^}]*\}", "", text).split()) >= MIN_WORDS:
                yield text


def literal_words(text: str) -> int:
    """The number of words of a template that are not filled in."""
    tokens = re.sub(r"\{[^}]*\}", "", text).split()
    return sum(
        re.fullmatch(r"\W*[A-Za-z]+[\w'-]*\W*", t) is not None and "_" not in t for t in tokens
    )


def choices(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[ast.expr]:
    """The expressions that an argument may be.

    Both sides of a condition, the value of a name, what a function of the same file returns.
    """
    if isinstance(node, ast.IfExp | ast.BoolOp):
        for side in (node.body, node.orelse) if isinstance(node, ast.IfExp) else node.values:
            yield from choices(side, names)
    elif isinstance(node, ast.Name) and isinstance(
        names.get(node.id), ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp
    ):
        yield from choices(names[node.id], names)
    elif isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        yield node
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        for value in getattr(names.get(f"{node.func.id}()"), "elts", ()):
            yield from choices(value, {})
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from choices(node.func.value, names)  # "…".strip() and the like


def template(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """A text with placeholders."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp):
        return template(node.left, names) + template(node.right, names)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part, names) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return placeholder(node.value, names)
    return "{…}"


def placeholder(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """What stands for a value: that of a constant, else the name of the value."""
    if isinstance(node, ast.Name):
        value = names.get(node.id)
        if isinstance(value, ast.Constant) and node.id.isupper():
            return str(value.value)
        return f"{{{node.id.lower()}}}"
    if isinstance(node, ast.Attribute):
        return f"{{{node.attr}}}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FILLED_IN:
        return FILLED_IN[node.func.id]
    inner = [n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]
    words = [n.attr if isinstance(n, ast.Attribute) else n.id for n in inner]
    plain = [word for word in words if word not in IGNORED_NAMES]
    return f"{{{plain[-1].lower()}}}" if plain else "{…}"
