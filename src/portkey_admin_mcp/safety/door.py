"""The door: every call that changes something passes here, in every mode and on every transport."""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from pydantic import BaseModel

from ..errors import ApprovalNeeded, NotPermitted
from ..models.core.base import Record
from ..models.core.icons import without_icon
from ..portkey.api import Portkey
from ..portkey.catalog import Tool
from ..portkey.gate import Change, Send
from ..settings.safety import SafetySettings
from .approvals import Where
from .asking import Reply, current_asker
from .caller import current_caller
from .journal.journal import Journal
from .journal.recording import Recorder
from .objects import ObjectNow
from .permit import Passage, permit
from .preview import Execute, Preview, look_at
from .preview_answer import PreviewAnswer
from .preview_text import question_of, shown
from .risk import Rating, may_be_raised, rating_of
from .store import PENDING_S, Approval, SafetyStore

MIN_REPLY_S = 1.0
"""Seconds in which nobody reads a question and types a name: a faster reply is a program's."""
REPLY_S = 600.0
"""Seconds for which a question can be answered."""
MAX_ALONE_S = REPLY_S + 300
"""Seconds after which a call that was to be alone has ended, even if its process was killed."""

log = logging.getLogger(__name__)


class Call(NamedTuple):
    """A call of a tool that may change something: its checked arguments, and how it is run."""

    tool: Tool
    arguments: BaseModel
    api: Portkey
    execute: Execute
    confirm: str = ""
    """Why the policy has a person confirm it; empty if it does not."""

    @property
    def given(self) -> dict[str, Any]:
        """The arguments that were given, as JSON."""
        return self.arguments.model_dump(mode="json", exclude_unset=True)

    @property
    def fingerprint(self) -> str:
        """The same for the same caller, Portkey account, tool and arguments only."""
        caller = current_caller.get()
        parts = [caller.identity, self.api.account, self.tool.name, self.given]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


class Door:
    """Lets a call pass, asks a person first, or refuses it. One for each server."""

    def __init__(
        self,
        settings: SafetySettings,
        store: Callable[[], SafetyStore],
        journal: Callable[[], Journal] | None = None,
        clock: Callable[[], float] = time.time,
        min_reply_s: float = MIN_REPLY_S,
        where: Where | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._clock = clock
        self._min_reply_s = min_reply_s
        self._where = where or Where()
        if settings.confirm == "never":
            log.warning("PORTKEY_CONFIRM=never: no person is asked before a change of high risk")

    async def limits(self) -> dict[str, Any]:
        """What the settings, and a freeze, say of every change."""
        freeze = await self._store().freeze()
        return {
            "freeze": "" if freeze is None else f"by {freeze.by}: {freeze.why}",
            "confirm": self._settings.confirm,
            "dry_run": self._settings.dry_run,
        }

    @asynccontextmanager
    async def alone(self, action: str) -> AsyncIterator[None]:
        """Do what is inside while no other instance does the same; `action` says what.

        Raises NotPermitted at once if another does. It may be done again once it has ended.
        """
        nonce = hashlib.sha256(f"alone {action}".encode()).hexdigest()
        store = self._store()
        if not await store.use_once(nonce, MAX_ALONE_S):
            raise NotPermitted(f"another call is about to {action}; look at its result first")
        try:
            yield
        finally:
            await store.forget(nonce)

    def may_ask(self, tool: Tool) -> bool:
        """Whether some call of this tool asks a person."""
        if self._settings.confirm == "never" or tool.effect == "read":
            return False
        return self._settings.confirm == "always" or tool.may_be_high_risk

    async def run(self, call: Call) -> Record:
        """Run a call if it may pass; its answer, or that of a preview if nothing is to be sent.

        Raises NotPermitted, ApprovalNeeded, and the errors of the call.
        """
        rating = rating_of(call.tool, call.arguments)
        must_confirm = bool(call.confirm) and self._settings.confirm != "never"
        if must_confirm:
            rating = rating.raised(call.confirm.rstrip("."))
        if call.tool.effect == "read":
            return await self._run_read(call, rating, must_confirm=must_confirm)
        recorder = self._recorder(call)
        await self._require_thawed()  # before anybody is asked; again before each change
        if self._settings.dry_run or must_confirm or self._may_need_person(call.tool, rating):
            seen = await look_at(call.tool, call.api, call.execute, rating)
            if isinstance(seen, Record):
                return seen  # it changes nothing, as a dry run of the tool's own
            if self._settings.dry_run:
                return PreviewAnswer.read(shown(seen))
            if self._needs_person(seen.rating):
                await self._confirm_on_record(call, seen, recorder)
        with permit(self._passage(recorder)):
            if recorder is not None:
                return await recorder.run(lambda: call.execute(call.api))
            return await call.execute(call.api)

    def _may_need_person(self, tool: Tool, rating: Rating) -> bool:
        """Whether a person may be asked, so that the call must be looked at first."""
        if not self.may_ask(tool):
            return False
        return self._needs_person(rating) or may_be_raised(tool)

    async def _run_read(self, call: Call, rating: Rating, *, must_confirm: bool) -> Record:
        """Run a call that changes nothing, once a person agrees if the policy asks for that."""
        if must_confirm:
            change = Change("call", call.tool.name, query=call.given)
            now = ObjectNow(None, "it only reads")
            await self._confirm(call, Preview(call.tool, change, now, rating))
        return await call.execute(call.api)

    def _needs_person(self, rating: Rating) -> bool:
        return self._settings.confirm == "always" or rating.risk == "high"

    @property
    def journal(self) -> Journal | None:
        """The change journal; None if it is off."""
        return None if self._journal is None else self._journal()

    def _recorder(self, call: Call) -> Recorder | None:
        if self.journal is None:
            return None
        recorder = Recorder(self.journal, call.tool, call.given, self._clock)
        if self._settings.confirm == "never" and call.tool.may_be_high_risk:
            recorder.confirmation = {"by": "nobody", "how": "PORTKEY_CONFIRM=never"}
        return recorder

    async def _confirm_on_record(
        self, call: Call, seen: Preview, recorder: Recorder | None
    ) -> None:
        """Have a person confirm a change; the journal says who did, or why nobody."""
        try:
            confirmation = await self._confirm(call, seen)
        except (NotPermitted, ApprovalNeeded) as error:
            is_repeated = isinstance(error, ApprovalNeeded) and not error.is_new
            if recorder is not None and not is_repeated:
                await recorder.not_confirmed(seen.change, seen.now, _why(error))
            raise
        if recorder is not None:
            recorder.confirmation = confirmation

    def _passage(self, record: Recorder | None) -> Passage:
        """Sends each change of a call that may pass, and records it."""

        async def pass_through(api: Portkey, change: Change, send: Send) -> bytes:
            await self._require_thawed()
            return await (send() if record is None else record.send(api, change, send))

        return pass_through

    async def _require_thawed(self) -> None:
        freeze = await self._store().freeze()
        if freeze is not None:
            since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(freeze.since))
            raise NotPermitted(
                f"all changes are frozen since {since} by {freeze.by}: {freeze.why}. "
                f"Only a person ends it, by {self._where.thaw}"
            )

    async def _confirm(self, call: Call, seen: Preview) -> dict[str, str]:
        """Who agreed, and how; raises NotPermitted or ApprovalNeeded if nobody did."""
        decided = await self._store().take(call.fingerprint, seen.now.hash)
        if decided is not None:
            if decided.state == "approved":
                how = f"approval {decided.id}"
                return {"by": decided.settled_by, "how": how, "why": decided.why}
            why = f": {decided.why}" if decided.why else ""
            raise NotPermitted(f"{decided.settled_by} denied this{why}")
        asker = current_asker.get()
        if asker is None:
            raise await self._approval_needed(call, seen)
        reply = await asker(question_of(seen))
        await self._require_agreement(call, seen, reply)
        return {"by": current_caller.get().principal, "how": "asked by the client"}

    async def _require_agreement(self, call: Call, seen: Preview, reply: Reply) -> None:
        if reply.action != "accept":
            happened = {"timeout": "did not answer in time", "cancel": "closed the question"}
            raise NotPermitted(f"the user {happened.get(reply.action, 'declined')}")
        if reply.seconds < self._min_reply_s:
            raise NotPermitted(
                "the question was answered faster than a person reads, so by a program; a person "
                "must answer it"
            )
        if not _is_same(reply.typed, seen.label):
            raise NotPermitted(f"the name that was typed is not {seen.label!r}")
        if reply.nonce and not await self._store().use_once(reply.nonce, REPLY_S):
            raise NotPermitted("this confirmation was used already; a person must confirm again")
        if call.tool.effect == "read":
            return
        again = await look_at(call.tool, call.api, call.execute, seen.rating, around=False)
        if isinstance(again, Record) or again.now.hash != reply.binding:
            raise NotPermitted(
                f"{seen.label!r} has changed since the question was asked; read it, and ask again"
            )

    async def _approval_needed(self, call: Call, seen: Preview) -> ApprovalNeeded:
        now = self._clock()
        text = json.dumps(shown(seen), ensure_ascii=False, default=str)
        id = secrets.token_hex(4)
        approval = await self._store().request(
            Approval(
                id=id,
                call=call.fingerprint,
                binding=seen.now.hash,
                tool=call.tool.name,
                label=seen.label,
                preview=text,
                requester=current_caller.get().principal,
                created_at=now,
                expires_at=now + PENDING_S,
                four_eyes=int(self._settings.four_eyes),
            )
        )
        return ApprovalNeeded(
            f"this needs a person's approval, and this client cannot ask for it. Approval id: "
            f"{approval.id}\n{text}",
            approval.id,
            self._where.approve(approval.id),
            is_new=approval.id == id,
        )


async def preview(call: Call) -> Record:
    """What a call would do; nothing is sent that changes anything. Raises the errors of a read."""
    rating = rating_of(call.tool, call.arguments)
    seen = await look_at(call.tool, call.api, call.execute, rating)
    if not isinstance(seen, Preview):
        return Record.read(
            {"changes_nothing": True, "tool": call.tool.name, "answer": seen.answer()}
        )
    return PreviewAnswer.read(shown(seen))


def _why(error: NotPermitted | ApprovalNeeded) -> str:
    """Why a call was not made, for the journal."""
    if isinstance(error, ApprovalNeeded):
        return f"waits for the approval {error.approval_id}"
    return str(error)


def _is_same(typed: str, label: str) -> bool:
    """Whether a person typed the name of an object, with or without its icon."""
    return typed.strip() in (label, without_icon(label))
