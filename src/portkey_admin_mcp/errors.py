"""All errors that this package raises on purpose, as one hierarchy.

* PortkeyAdminError
  * ConfigurationError      a setting is missing or invalid
  * ReadOnly                a write, but the settings only allow reads; nothing was sent
  * InputError              the arguments contradict each other; nothing was sent
  * NotPermitted            a policy, a freeze or a person does not allow it; nothing was sent
    * JournalUnavailable    the change journal cannot be read or written; nothing was sent
    * StateUnavailable      freezes and approvals cannot be read; nothing was sent
  * ApprovalNeeded          a person must approve it first; nothing was sent
  * ApiError                Portkey answered with an error, or did not answer
    * Unauthenticated       401
    * SubscriptionExhausted 402
    * Forbidden             403, which may also mean "not found" or "another workspace"
    * NotFound              404
    * NotAvailable          405, 501: this deployment of Portkey does not have the operation
    * Conflict              409
    * Rejected              400, 422 and other 4xx
    * RateLimited           429
    * Redirected            3xx; the key is never sent to another address
    * Unreachable           no connection: nothing was sent
    * Unavailable           a read failed: 5xx, timeout, broken connection
      * OutcomeUnknown      the same for a write: it may or may not have happened
    * UnexpectedAnswer      success, but the answer is not JSON

Raise these anywhere; only `server.calls.failures` turns them into text for a model. A workflow adds
a note (`add_note`) with the steps that it had completed, which the model reads too.
"""


class PortkeyAdminError(Exception):
    """The base of every error this package raises on purpose."""


class ConfigurationError(PortkeyAdminError):
    """A setting is missing or invalid."""


class ReadOnly(PortkeyAdminError):
    """A write, but the settings only allow reads; nothing was sent."""


class InputError(PortkeyAdminError):
    """The arguments contradict each other; nothing was sent."""


class NotPermitted(PortkeyAdminError):
    """A policy, a freeze or a person does not allow this; nothing was sent."""


class JournalUnavailable(NotPermitted):
    """The change journal cannot be read or written, so no change is sent."""


class StateUnavailable(NotPermitted):
    """The record of freezes and approvals cannot be read or written; nothing was sent."""


class ApprovalNeeded(PortkeyAdminError):
    """A person must approve this before it is done; nothing was sent.

    `approval_id` is what the person settles, outside the model; `how` says in words where.
    `is_new` is false if the same call waited for it already.
    """

    def __init__(self, message: str, approval_id: str, how: str, *, is_new: bool = True) -> None:
        super().__init__(message)
        self.is_new = is_new
        self.approval_id = approval_id
        self.how = how


class ApiError(PortkeyAdminError):
    """Portkey answered with an error, or did not answer.

    `request` is the endpoint as Portkey documents it, `status` the HTTP status (None if there was
    no answer), `code` Portkey's own `AB0x` code, `retry_after` the seconds to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.request = request
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Unauthenticated(ApiError):
    """The API key is missing, wrong, expired or revoked."""


class SubscriptionExhausted(ApiError):
    """The organisation's plan does not cover this, or is used up."""


class Forbidden(ApiError):
    """The key lacks a scope or plan, or may not see this resource (it may not exist)."""


class NotFound(ApiError):
    """No such resource."""


class NotAvailable(ApiError):
    """The operation is not offered by this deployment of Portkey."""


class Conflict(ApiError):
    """It exists already, or something still depends on it."""


class Rejected(ApiError):
    """Portkey does not accept what was sent."""


class RateLimited(ApiError):
    """Too many requests."""


class Redirected(ApiError):
    """Portkey's address points elsewhere."""


class Unreachable(ApiError):
    """No connection could be made, so nothing was sent."""


class Unavailable(ApiError):
    """A read failed, or was not answered in time; nothing was changed."""


class OutcomeUnknown(Unavailable):
    """A write was sent, and its outcome is not known."""


class UnexpectedAnswer(ApiError):
    """The request succeeded, but the answer is not JSON."""


BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    402: SubscriptionExhausted,
    403: Forbidden,
    404: NotFound,
    405: NotAvailable,
    409: Conflict,
    429: RateLimited,
}


def error_for_status(status: int, *, write: bool) -> type[ApiError]:
    """The error for a status code; after a write, a 5xx leaves the outcome unknown."""
    if status == 501:
        return NotAvailable
    if status >= 500:
        return OutcomeUnknown if write else Unavailable
    if status < 400:
        return Redirected
    return BY_STATUS.get(status, Rejected)
