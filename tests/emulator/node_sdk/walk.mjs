// Calls every method of Portkey's SDK for Node.js that has a counterpart in the Admin API.
//
//     node walk.mjs FOLDER URL KEY…
//
// FOLDER holds the installed SDK; URL is a running emulator; each KEY is the name of a seeded key.
// Before each key the emulator is reset. Prints as JSON the methods that the SDK has, and for each
// key the number of calls, the methods that were called, and those that failed with the reason.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, url, ...names] = process.argv.slice(2);
const { Portkey } = createRequire(join(folder, "package.json"))("portkey-ai");
const DOMAINS = [
  "admin", "analytics", "apiKeys", "collections", "configs", "feedback", "generations", "guardrails",
  "integrations", "labels", "logs", "mcpIntegrations", "mcpServers", "models", "prompts", "providers",
  "virtualKeys",
];
const GRAPHS = [
  "requests", "cost", "latency", "tokens", "users", "usersRequests", "errors", "errors_rate",
  "errors_stack", "errors_status_code", "requests_rescued", "cache_hit_rate", "cache_latency",
  "feedbacks", "feedbacks_score", "feedbacks_weighted", "feedback_ai_models",
];
const PERIOD = {
  time_of_generation_min: "2026-10-01T00:00:00Z",
  time_of_generation_max: "2026-11-03T00:00:00Z",
};

async function control(method, path) {
  const answer = await fetch(`${url}/emulator/${path}`, { method });
  return answer.status === 200 ? answer.json() : null;
}

function at(client, path) {
  return path.split(".").reduce((value, name) => value[name], client);
}

function methodsOf(resource, path) {
  const isMethod = (name) => name !== "constructor" && typeof resource[name] === "function";
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(resource)).filter(isMethod);
  const inner = Object.entries(resource).filter(
    ([name, value]) => name !== "client" && value instanceof Object && "client" in value,
  );
  return [
    ...own.map((name) => `${path}.${name}`),
    ...inner.flatMap(([name, value]) => methodsOf(value, `${path}.${name}`)),
  ];
}

async function people(call) {
  await call("admin.users.list", {});
  const invite = { inviteId: (await call("admin.users.invites.create", {
    email: "a@acme.example", role: "member", workspaces: [],
  })).id };
  await call("admin.users.invites.retrieve", invite);
  await call("admin.users.invites.list", { email: "a@acme.example" });
  await call("admin.users.invites.resend", invite);
  await call("admin.users.invites.delete", invite);
  const userId = (await call("admin.users.list", { email: "chitra@acme.example" })).data[0].id;
  await call("admin.users.retrieve", { userId });
  await call("admin.users.update", { userId, role: "member" });
  return userId;
}

async function workspaces(call, workspaceId, userId) {
  await call("admin.workspaces.list", {});
  await call("admin.workspaces.retrieve", { workspaceId });
  await call("admin.workspaces.update", { workspaceId, description: "Answers" });
  const created = await call("admin.workspaces.create", { name: "New", defaults: { metadata: {} } });
  await call("admin.workspaces.delete", { workspaceId: created.id, name: "New" });
  const users = "admin.workspaces.users";
  await call(`${users}.create`, { workspaceId, users: [{ id: userId, role: "member" }] });
  await call(`${users}.list`, { workspaceId });
  await call(`${users}.retrieve`, { workspaceId, userId });
  await call(`${users}.update`, { workspaceId, userId, role: "manager" });
  await call(`${users}.delete`, { workspaceId, userId });
}

async function credentials(call, support, named) {
  const { id } = await call("apiKeys.create", {
    type: "workspace", "sub-type": "service", name: "K", workspace_id: support, scopes: ["logs.view"],
  });
  await call("apiKeys.retrieve", { id });
  await call("apiKeys.list", { ...named });
  await call("apiKeys.update", { id, name: "L" });
  await call("apiKeys.delete", { id });
  await call("integrations.create", {
    name: "I", slug: "sdk", ai_provider_id: "openai", key: "k", ...named,
  });
  await call("integrations.list");
  await call("integrations.retrieve", { slug: "sdk" });
  await call("integrations.update", { slug: "sdk", description: "d" });
  const models = [{ slug: "ours", enabled: true, is_custom: true }];
  await call("integrations.models.update", { slug: "sdk", models });
  await call("integrations.models.list", { slug: "sdk" });
  await call("integrations.models.delete", { slug: "sdk", slugs: "ours" });
  const shares = [{ id: support, enabled: true }];
  await call("integrations.workspaces.update", { slug: "sdk", workspaces: shares });
  await call("integrations.workspaces.list", { slug: "sdk" });
  const provider = await call("providers.create", { name: "P", integration_id: "sdk", ...named });
  const slug = { slug: provider.slug, ...named };
  await call("providers.list", { ...named });
  await call("providers.retrieve", { ...slug });
  await call("providers.update", { ...slug, note: "n" });
  await call("providers.delete", { ...slug });
  await call("integrations.delete", { slug: "sdk" });
  const virtual = await call("virtualKeys.create", {
    name: "V", provider: "openai", key: "k", ...named,
  });
  await call("virtualKeys.list", { ...named });
  await call("virtualKeys.retrieve", { slug: virtual.slug });
  await call("virtualKeys.update", { slug: virtual.slug, note: "n" });
  await call("virtualKeys.delete", { slug: virtual.slug });
}

async function routing(call, named) {
  const config = { retry: { attempts: 1 } };
  const { slug } = await call("configs.create", { name: "C", config, ...named });
  await call("configs.list", { ...named });
  await call("configs.retrieve", { slug });
  await call("configs.update", { slug, name: "D" });
  await call("configs.delete", { slug });
  const checks = [{ id: "default.wordCount", parameters: { minWords: 1, maxWords: 9 } }];
  const body = { name: "G", checks, actions: { deny: true }, ...named };
  const { id } = await call("guardrails.create", body);
  await call("guardrails.list", { ...named });
  await call("guardrails.retrieve", { guardrail_id: id });
  await call("guardrails.update", { guardrail_id: id, name: "H" });
  await call("guardrails.delete", { guardrail_id: id });
}

async function prompts(call, named) {
  const folder = (await call("collections.create", { name: "F", ...named })).id;
  await call("collections.list", { ...named });
  await call("collections.retrieve", folder);
  await call("collections.update", folder, { name: "G" });
  const label = (await call("labels.create", { name: "ours", ...named })).id;
  await call("labels.list", { ...named });
  await call("labels.retrieve", label);
  await call("labels.update", label, { description: "d" });
  const partial = (await call("prompts.partials.create", {
    name: "Part", string: "Bye", ...named,
  })).id;
  await call("prompts.partials.retrieve", partial);
  await call("prompts.partials.list", { collection_id: folder });
  await call("prompts.partials.update", partial, { string: "Goodbye" });
  await call("prompts.partials.versions.list", partial);
  await call("prompts.partials.publish", partial, { version: 2 });
  await call("prompts.partials.delete", partial);
  const provider = await call("virtualKeys.create", {
    name: "W", provider: "openai", key: "k", ...named,
  });
  const content = {
    string: '[{"role": "user", "content": "Hi {{name}}"}]',
    parameters: {}, model: "gpt-5", virtual_key: provider.slug,
  };
  const prompt = (await call("prompts.create", { name: "P", collection_id: folder, ...content })).id;
  await call("prompts.list", { ...named });
  await call("prompts.retrieve", prompt);
  await call("prompts.update", prompt, { ...content });
  await call("prompts.publish", prompt, { version: 2 });
  const versions = await call("prompts.versions.list", prompt);
  const version = versions.data[0].id;
  await call("prompts.versions.retrieve", prompt, version);
  await call("prompts.versions.update", prompt, version, { label_id: label });
  const variables = { name: "Ada" };
  const text = await call("prompts.render", { promptID: prompt, variables });
  check(text.data.messages[0].content === "Hi Ada", "prompts.render", text);
  const answer = await call("prompts.completions.create", { promptID: prompt, variables });
  check(answer.choices[0].message.content.endsWith("Hi Ada"), "prompts.completions.create", answer);
  await call("prompts.delete", prompt);
  await call("labels.delete", label);
  await call("collections.delete", folder);
}

async function mcp(call, support, named) {
  const integration = { id: (await call("mcpIntegrations.create", {
    name: "Slack", url: "https://slack.example", auth_type: "none", transport: "http", ...named,
  })).id };
  await call("mcpIntegrations.list");
  await call("mcpIntegrations.retrieve", integration);
  await call("mcpIntegrations.update", { ...integration, description: "d" });
  await call("mcpIntegrations.test", integration);
  await call("mcpIntegrations.metadata.get", integration);
  const capability = { name: "post_message", type: "tool", enabled: false };
  await call("mcpIntegrations.capabilities.list", integration);
  await call("mcpIntegrations.capabilities.update", { ...integration, capabilities: [capability] });
  const shares = [{ id: support, enabled: true }];
  await call("mcpIntegrations.workspaces.update", { ...integration, workspaces: shares });
  await call("mcpIntegrations.workspaces.list", integration);
  const server = { id: (await call("mcpServers.create", {
    name: "S", mcp_integration_id: integration.id, ...named,
  })).id };
  await call("mcpServers.list", { ...named });
  await call("mcpServers.retrieve", server);
  await call("mcpServers.update", { ...server, description: "d" });
  await call("mcpServers.test", server);
  await call("mcpServers.metadata.get", server);
  await call("mcpServers.capabilities.list", server);
  await call("mcpServers.capabilities.update", { ...server, capabilities: [capability] });
  await call("mcpServers.userAccess.list", server);
  await call("mcpServers.userAccess.check", server);
  await call("mcpServers.userAccess.update", { ...server, user_access: [] });
  const seeded = { id: "support-github", ...named };
  const { user_id } = (await call("mcpServers.connections.list", seeded)).data[0];
  await call("mcpServers.connections.delete", { ...seeded, user_id });
  await call("mcpServers.delete", server);
  await call("mcpIntegrations.delete", integration);
}

async function observation(call, support, named) {
  for (const graph of GRAPHS) await call(`analytics.graphs.${graph}`, { ...PERIOD });
  for (const group of ["users", "aiModels", "workspaces"]) {
    await call(`analytics.groups.${group}`, { ...PERIOD });
  }
  await call("analytics.groups.metadata", "team", { ...PERIOD });
  await call("analytics.groups.groupedData", "model", { columns: "cost,requests", ...PERIOD });
  await call("analytics.summary.cache", { ...PERIOD });
  await call("models.list");
  await call("logs.create", {
    request: { url: "https://a.example", provider: "openai", body: { model: "gpt-5" } },
    response: { status: 200, body: {} }, metadata: { traceId: "sdk" },
  });
  const scored = await call("feedback.create", { traceID: "sdk", value: 5, weight: 1 });
  await call("feedback.update", { feedbackID: scored?.feedback_ids?.[0], value: -5 });
  const exports = "logs.exports";
  const exportBody = { filters: PERIOD, requestedData: ["id", "cost"], workspaceId: support };
  const { id } = await call(`${exports}.create`, { ...exportBody });
  await call(`${exports}.list`, { workspaceId: support });
  await call(`${exports}.retrieve`, { exportId: id });
  await call(`${exports}.update`, { exportId: id, ...exportBody });
  await call(`${exports}.start`, { exportId: id });
  await call(`${exports}.cancel`, { exportId: id });
  const finished = { exportId: (await call(`${exports}.create`, { ...exportBody })).id };
  await call(`${exports}.start`, { ...finished });
  await control("POST", `exports/${finished.exportId}/finish`);
  await call(`${exports}.download`, { ...finished });
}

function check(holds, method, answer) {
  if (!holds) throw new Error(`${method} answered ${JSON.stringify(answer)}`);
}

async function walk(name, keys) {
  const options = { baseURL: `${url}/v1`, maxRetries: 0 };
  const owner = new Portkey({ ...options, apiKey: keys.owner });
  const client = new Portkey({ ...options, apiKey: keys[name] });
  const report = { calls: 0, called: [], failed: {} };
  const call = async (method, ...values) => {
    const [parent, last] = [method.slice(0, method.lastIndexOf(".")), method.split(".").at(-1)];
    report.calls += 1;
    report.called.push(method);
    const copy = structuredClone(values); // methods delete fields of what they are given
    try {
      return await at(client, parent)[last](...copy);
    } catch (error) {
      report.failed[method] = `${error.status ?? error.name} ${error.message}`.slice(0, 200);
    }
    // The next calls need what this one would have created.
    return at(owner, parent)[last](...structuredClone(values)).catch(() => null);
  };
  const support = (await owner.admin.workspaces.list({})).data.find((row) => row.name === "Support").id;
  const named = name === "workspace-service" ? {} : { workspace_id: support };
  const userId = await people(call);
  await workspaces(call, support, userId);
  await credentials(call, support, named);
  await routing(call, named);
  await prompts(call, named);
  await mcp(call, support, named);
  await observation(call, support, named);
  await call("admin.users.delete", { userId });
  return report;
}

const reports = {};
for (const name of names) {
  await control("POST", "reset");
  reports[name] = await walk(name, await control("GET", "keys"));
}
const client = new Portkey({ apiKey: "none", baseURL: `${url}/v1` });
const methods = DOMAINS.flatMap((domain) => methodsOf(client[domain], domain));
console.log(JSON.stringify({ methods, reports }));
