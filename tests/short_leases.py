"""Run the service with leases that expire soon, so that tests need not wait for them.

with running_service(port, program=SHORT_LEASES, **environment): ...
"""

from portkey_admin_mcp.__main__ import main
from portkey_admin_mcp.server.http.events import redis_log

LEASE_TTL_S = 0.9
SHORT_LEASES = (__file__,)

if __name__ == "__main__":
    redis_log.LEASE_TTL_S = LEASE_TTL_S
    main()
