(() => {
  // The path under which the page was opened; a proxy may add a prefix.
  const root = location.pathname.replace(/\/?$/, "/");
  const endpoint = document.body.dataset.endpoint;

  // Readiness: polled while the page is visible.

  const STATES = {
    ready: ["good", "Ready"],
    degraded: ["warn", "Degraded"],
    "not ready": ["bad", "Not ready"],
  };
  const POLL_INTERVAL_MS = 15_000;
  const MAX_POLL_INTERVAL_MS = 120_000;
  let timer = 0;
  let wait = POLL_INTERVAL_MS;
  let isChecking = false;

  async function checkReady() {
    if (isChecking) return;
    isChecking = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(`${root}ready`, {
        cache: "no-store",
        signal: AbortSignal.timeout(8_000),
      });
      if (answer.status !== 200 && answer.status !== 503) throw new Error(answer.status);
      showReady(await answer.json());
      wait = POLL_INTERVAL_MS;
    } catch {
      showState("bad", "Not reached");
      one("#checks").replaceChildren();
      wait = Math.min(wait * 2, MAX_POLL_INTERVAL_MS);
    }
    say(one("#checked"), `Checked at ${new Date().toLocaleTimeString()}.`);
    isChecking = false;
    if (!document.hidden) timer = setTimeout(checkReady, wait);
  }

  function showState(state, text) {
    one("#state").dataset.state = state;
    say(one("#state-text"), text);
  }

  function showReady(readiness) {
    const [state, text] = STATES[readiness.status] ?? STATES["not ready"];
    showState(state, text);
    const rows = [row("Server", "Answers", "good")];
    if (readiness.sessions.mode === "stateful") {
      const { open, max } = readiness.sessions;
      rows.push(row("Sessions", `${open} of ${max} open`, ""));
    }
    for (const [name, check] of Object.entries(readiness.checks)) {
      const isOk = check.status === "ok";
      const title = name[0].toUpperCase() + name.slice(1);
      const failure = check.loss ? `Not reached. ${check.loss}` : "Not reached";
      rows.push(row(title, isOk ? `Reached, ${check.ms} ms` : failure, isOk ? "good" : "bad"));
    }
    one("#checks").replaceChildren(...rows);
  }

  function row(name, value, state) {
    const [box, term, text] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    say(text, value, state);
    box.append(term, text);
    return box;
  }

  one("#again").addEventListener("click", checkReady);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) checkReady();
  });

  // Copy buttons.

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const done = await copyText(source);
    button.textContent = done ? "Copied" : "Selected";
    button.toggleAttribute("data-done", done);
    say(one("#announcement"), done ? "Copied." : "Selected; copy it with your keyboard.");
    setTimeout(() => {
      button.textContent = "Copy";
      button.removeAttribute("data-done");
      say(one("#announcement"), "");
    }, 2_000);
  }

  async function copyText(source) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      return true;
    } catch {
      // Over plain HTTP from another machine, browsers have no clipboard.
      getSelection().selectAllChildren(source);
      return document.execCommand("copy");
    }
  }

  for (const button of all("[data-copy]")) button.addEventListener("click", () => copy(button));

  // Tabs: one client at a time.

  const tabs = all("[role=tab]");

  function choose(tab) {
    for (const each of tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !chosen;
    }
  }

  function step(event) {
    const at = tabs.indexOf(event.currentTarget);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs.at(to % tabs.length);
    choose(tab);
    tab.focus();
  }

  for (const tab of tabs) {
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", step);
  }
  choose(tabs[0]);

  // Selecting domains.

  const boxes = all(".domains input");
  const totalText = one("#chosen")?.textContent;

  function updateAddresses() {
    const chosen = boxes.filter((box) => box.checked);
    const tools = chosen.reduce((sum, box) => sum + Number(box.dataset.count), 0);
    const address = chosen.length
      ? `${endpoint}?tools=${chosen.map((box) => encodeURIComponent(box.value)).join(",")}`
      : endpoint;
    for (const shown of all(".address")) shown.textContent = address;
    for (const link of all(".add")) link.href = linkTo(link.dataset, address);
    say(one("#chosen"), chosen.length ? `${tools} chosen of ${totalText}` : totalText);
  }

  function linkTo({ prefix, content, encoding }, address) {
    const text = content.replaceAll(endpoint, () => address);
    if (encoding === "percent") return prefix + encodeURIComponent(text);
    const bytes = new TextEncoder().encode(text);
    return prefix + encodeURIComponent(btoa(String.fromCharCode(...bytes)));
  }

  for (const box of boxes) box.addEventListener("change", updateAddresses);
  // After going back, the browser may restore ticked boxes.
  if (boxes.length) updateAddresses();

  // Trying the server: one request that opens no session.

  const MODERN = "2026-07-28";
  const field = one("#token");
  const verdict = one("#verdict");

  function discoverRequest(token) {
    const meta = "io.modelcontextprotocol/";
    const params = {
      _meta: {
        [`${meta}protocolVersion`]: MODERN,
        [`${meta}clientInfo`]: { name: "status-page", version: "1" },
        [`${meta}clientCapabilities`]: {},
      },
    };
    return {
      method: "POST",
      headers: {
        Accept: "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "server/discover",
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "server/discover", params }),
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(15_000),
    };
  }

  async function tryToken(token) {
    const startedMs = performance.now();
    let answer, text;
    try {
      answer = await fetch(`${root}mcp`, discoverRequest(token));
      text = await answer.text();
    } catch {
      return ["bad", "The server was not reached."];
    }
    if (read(text).error === "portkey_key_required") {
      return ["bad", "Calls also need your own Portkey key, in the header X-Portkey-Api-Key; this page does not send one."];
    }
    if (answer.status !== 200) return ["bad", refusal(answer)];
    return accepted(read(text), Math.round(performance.now() - startedMs));
  }

  function read(text) {
    // In an event stream, the last data line is the answer.
    const data = text.match(/^data: *\{.*$/gm)?.at(-1).replace(/^data: */, "");
    try {
      return JSON.parse(data ?? text);
    } catch {
      return {};
    }
  }

  function accepted(message, ms) {
    if (message.error) return ["bad", `Accepted, but the server answered with an error: ${message.error.message}`];
    if (!message.result) return ["bad", "Accepted, but the answer is not that of an MCP server."];
    const after = `Protocol ${MODERN}, ${ms} ms.`;
    return ["good", field ? `The token is accepted. ${after}` : `The server answers. ${after}`];
  }

  function refusal(answer) {
    const isOtherOrigin = new URL(endpoint).origin !== location.origin;
    if (answer.status === 401) {
      return "The token is not accepted: it is unknown, expired or for another server.";
    }
    if ([403, 421].includes(answer.status) && isOtherOrigin) {
      return `The server accepts no requests from this address. Open ${endpoint.replace(/\/mcp$/, "/")} instead.`;
    }
    if (answer.status === 403) return "The token is valid, but its owner may not use this server.";
    if (answer.status === 429) {
      return `Too many tries. Wait ${answer.headers.get("Retry-After") ?? "some"} seconds.`;
    }
    return `The server answered with status ${answer.status}.`;
  }

  one("#try").addEventListener("submit", async (event) => {
    event.preventDefault();
    let token = "";
    try {
      if (field) token = tokenIn(field);
    } catch (error) {
      say(verdict, error.message, "bad");
      return;
    }
    const button = event.target.querySelector("button");
    button.disabled = true;
    say(verdict, "Waiting for the answer…", "wait");
    const [state, text] = await tryToken(token);
    say(verdict, text, state);
    button.disabled = false;
    // Disabling the button took the focus away from it.
    if (document.activeElement === document.body) button.focus();
  });

  function clearToken() {
    if (field) field.value = "";
  }

  addEventListener("pagehide", clearToken);
  addEventListener("pageshow", clearToken);

  const started = one("#started");
  started.textContent = new Date(started.dateTime).toLocaleString([], {
    dateStyle: "medium",
    timeStyle: "short",
  });
  checkReady();
})();
