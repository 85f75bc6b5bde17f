// An authorization server for tests: oidc-provider on a loopback port, with one user and one client.
//
//     node server.mjs FOLDER
//
// FOLDER has the installed packages. It prints its address. ISSUERS are two issuers with the same keys, so that only `iss` tells their
// tokens apart. Two paths of its own serve the tests:
//     POST /test/rotate        replaces the keys with new ones
//     POST /test/clock?s=-600  moves its clock by so many seconds
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const entry = join(process.argv[2], "node_modules", "oidc-provider", "lib", "index.js");
const { default: Provider } = await import(pathToFileURL(entry));

const ISSUERS = ["/realms/acme", "/realms/other"];
const SCOPES = "portkey.admin portkey.read";
const USER = "248289761001";
const CLAIMS = {
  preferred_username: "ada",
  realm_access: { roles: ["portkey-admin"] },
  "cognito:groups": ["platform"],
};
const CLIENT = {
  client_id: "machine",
  client_secret: "a-secret-of-the-tests",
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
};

const now = Date.now;
const providers = {};

function newKeys() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { keys: [{ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig" }] };
}

function newProvider(issuer, jwks) {
  return new Provider(issuer, {
    jwks,
    clients: [CLIENT],
    scopes: ["openid", ...SCOPES.split(" ")],
    cookies: { keys: ["a-key-of-the-tests"] },
    claims: { openid: ["sub"] },
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    extraTokenClaims: (_context, token) => (token.accountId ? CLAIMS : undefined),
    interactions: { url: (_context, interaction) => `${issuer}/sign-in/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
}

function replaceProviders() {
  const keys = newKeys();
  for (const path of ISSUERS) providers[path] = newProvider(`${origin}${path}`, keys);
}

// The person at the browser: signs in as the one user, and agrees to everything.
async function signIn(provider, request, response) {
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    await provider.interactionFinished(request, response, { login: { accountId: USER } });
    return;
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(" "));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function serve(request, response) {
  const url = new URL(request.url, origin);
  if (url.pathname === "/test/rotate") {
    replaceProviders();
    response.end();
  } else if (url.pathname === "/test/clock") {
    const offset = Number(url.searchParams.get("s")) * 1000;
    Date.now = () => now() + offset;
    response.end();
  } else {
    const path = ISSUERS.find((each) => url.pathname.startsWith(`${each}/`));
    if (!path) {
      response.writeHead(404).end();
      return;
    }
    if (url.pathname.startsWith(`${path}/sign-in/`)) {
      await signIn(providers[path], request, response);
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(path.length);
    await providers[path].callback()(request, response);
  }
}

const server = createServer((request, response) => {
  serve(request, response).catch((error) => response.writeHead(500).end(String(error.stack)));
});
let origin = "";
server.listen(0, "127.0.0.1", () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  replaceProviders();
  console.log(origin);
});
// The tests hold its standard input open: it ends with them, however they end.
process.stdin.on("end", () => process.exit()).resume();
