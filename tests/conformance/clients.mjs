// The official TypeScript client: connect, list everything, call, read, complete; then say what came.
//
//     node clients.mjs stdio COMMAND [ARG …]
//     node clients.mjs http URL
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [kind, target, ...args] = process.argv.slice(2);
const transport =
  kind === "stdio"
    ? new StdioClientTransport({ command: target, args, env: process.env, stderr: "inherit" })
    : new StreamableHTTPClientTransport(new URL(target));
const client = new Client({ name: "typescript", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const { prompts } = await client.listPrompts();
const { resources } = await client.listResources();
const { resourceTemplates } = await client.listResourceTemplates();
const call = await client.callTool({ name: "list_workspaces", arguments: { page_size: 1 } });
const refused = await client.callTool({ name: "get_user", arguments: {} });
const plan = await client.getPrompt({ name: "offboard_person", arguments: { person: "ada" } });
const guide = await client.readResource({ uri: "portkey://guides/errors" });
const { completion } = await client.complete({
  ref: { type: "ref/resource", uri: "portkey://workspaces/{slug}" },
  argument: { name: "slug", value: "" },
});
await client.ping();
console.log(
  JSON.stringify({
    tools: tools.length,
    prompts: prompts.length,
    resources: resources.length,
    templates: resourceTemplates.length,
    workspaces: call.structuredContent.total,
    refused: refused.isError,
    plan: plan.messages[0].content.text.includes("'ada' leaves"),
    guide: guide.contents[0].mimeType,
    completed: completion.values.length,
  }),
);
await client.close();
