"""Audit logs: who changed what."""

from ..api import Portkey
from ..catalog import tool
from ..models.audit_logs import AuditFilter, AuditPage


@tool("GET /audit-logs", scope="audit_logs.list", enterprise=True, is_listed=False)
async def list_audit_records(api: Portkey, filter: AuditFilter) -> AuditPage:
    """List changes; the tool is the workflow `list_audit_logs`."""
