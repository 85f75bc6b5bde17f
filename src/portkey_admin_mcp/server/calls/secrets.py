"""Hide the secrets that this process itself holds, if an answer repeats one."""

import json
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from ...errors import InputError
from ...models.core.base import Record
from ...portkey.clients import MAX_CLIENTS
from ...portkey.masking import FREE_FORM, MASK, is_secret
from ...settings.secret_values import MIN_MASKED_LENGTH
from .outcome import Outcome
from .presentation import row_type
from .result_size import compact


class HeldSecrets:
    """The secrets of a process: its key, tokens and passwords."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {
            form
            for secret in secrets
            if len(secret) >= MIN_MASKED_LENGTH
            for form in _forms(secret)
        }
        # The longest first: one may be a part of another.
        self._forms = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._forms)))

    def hidden_in(self, outcome: Outcome) -> Outcome:
        """The outcome with each of these secrets replaced by `***`.

        The texts hold all of the structured answer, so only they are searched.
        """
        if not any(map(self._is_in, outcome.texts)):
            return outcome
        structured = self.hidden(outcome.structured)
        texts = [self.hidden(text) for text in outcome.texts]
        if outcome.is_json:
            texts[0] = compact(structured)
        return outcome._replace(texts=texts, structured=structured, json=None)

    def hidden(self, value: Any) -> Any:
        """A JSON value with each of these secrets replaced by `***`."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self._pattern.sub(MASK, value) if self._is_in(value) else value
        if isinstance(value, dict):
            return {self.hidden(name): self.hidden(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.hidden(item) for item in value]
        return value

    def _is_in(self, text: str) -> bool:
        # A loop, because `any` with a generator takes three times as long for a short text.
        for form in self._forms:  # noqa: SIM110
            if form in text:
                return True
        return False


@lru_cache(maxsize=MAX_CLIENTS)
def held_by_caller(key: str) -> HeldSecrets:
    """What hides a caller's own key of Portkey."""
    return HeldSecrets([key])


def without_hidden_fields(record: Record) -> Record:
    """The record with each text in its `hidden_fields`, or in those of its rows, as `***`."""
    names = _hidden_fields(type(record))
    return type(record).read(_masked(record.answer(), names)) if names else record


def require_no_mask(arguments: dict[str, Any]) -> None:
    """Raise InputError if a secret argument is `***`: it would overwrite what it stands for."""
    level: list[tuple[str, Any, bool]] = [(name, value, False) for name, value in arguments.items()]
    while level:  # not recursive, since a value may be nested deeper than Python's stack
        name, value, is_inside = level.pop()
        last = name.rpartition(".")[2]
        is_here = is_inside or bool(FREE_FORM.search(last)) or is_secret(last)
        if value == MASK and is_here:
            raise InputError(
                f"{name} is {MASK}, which this server shows in place of a secret; give the secret "
                "itself, or leave the field out"
            )
        if isinstance(value, dict):
            level.extend((f"{name}.{key}", item, is_here) for key, item in value.items())
        elif isinstance(value, list):
            level.extend((name, item, is_here) for item in value)


@cache
def _hidden_fields(returns: type[Record]) -> frozenset[str]:
    rows = row_type(returns)
    return frozenset((*returns.hidden_fields, *(rows.hidden_fields if rows else ())))


def _masked(value: Any, names: frozenset[str], *, is_hidden: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            name: _masked(item, names, is_hidden=is_hidden or name in names)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, names, is_hidden=is_hidden) for item in value]
    # What Portkey has masked itself stays as it is: `sk*****abc`.
    is_text = is_hidden and isinstance(value, str) and value and MASK not in value
    return MASK if is_text else value


def secrets_in(*settings: BaseModel | None) -> list[str]:
    """The texts of all secret settings, with the passwords of those that are URLs."""
    values = [value for group in settings if group is not None for _name, value in group]
    values += [item for value in values if isinstance(value, dict) for item in value.values()]
    texts = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    passwords = [urlsplit(text).password or "" for text in texts if "://" in text]
    return [*texts, *passwords, *map(unquote, passwords)]


def _forms(secret: str) -> set[str]:
    """How a secret is written in text, in JSON, and in a cell of a table."""
    escaped = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {secret, secret.replace('"', '""'), *escaped}
