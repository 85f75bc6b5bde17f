import pytest, json
from journaled import journaled
async def test_x(connect, workspace):
    async with journaled(connect) as server:
        w = await server.ask("create_workspace", name="New")
        print(json.dumps(await server.last(), indent=1)[:3000])
        await server.ask("update_workspace", workspace_id=w["id"], name="Newer", description="x")
        c = await server.last()
        print(await server.ask("get_change", change=c["change"]))
        print(await server.ask("list_changes"))
        print(await server.ask("preview_change", tool="revert_change", arguments={"change": c["change"]}))
        print(await server.ask("revert_change", change=c["change"]))
        print(await server.refusal("revert_change", change=c["change"]))
        print(await server.ask("list_changes"))
        first=(await server.changes())[-1]
        print(await server.refusal("revert_change", change=first["change"]))
