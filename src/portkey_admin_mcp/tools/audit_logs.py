"""Audit logs: who changed what."""

from ..models.audit_logs import AuditFilter, AuditPage
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /audit-logs", scope="audit_logs.list", enterprise=True, is_listed=False)
async def list_audit_logs(api: Portkey, filter: AuditFilter) -> AuditPage:
    """List changes; the workflow of this name fills in the period and the organisation."""
    ...
