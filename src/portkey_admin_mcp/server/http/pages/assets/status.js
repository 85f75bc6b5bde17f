"use strict";

(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  // From where the page was opened, which may be below a path of some proxy.
  const root = location.pathname.replace(/\/?$/, "/");
  const endpoint = document.body.dataset.endpoint;
  document.documentElement.classList.add("js");

  function say(element, text, state) {
    // Set only on a change, so that a screen reader does not repeat itself.
    if (element.textContent !== text) element.textContent = text;
    if (state) element.dataset.state = state;
  }

  // Readiness: asked for now and then, while somebody looks.

  const EVERY_MS = 15_000;
  const SELDOM_MS = 120_000;
  let timer = 0;
  let wait = EVERY_MS;
  let looking = false;

  async function look() {
    if (looking) return;
    looking = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(`${root}ready`, {
        cache: "no-store",
        signal: AbortSignal.timeout(8_000),
      });
      if (answer.status !== 200 && answer.status !== 503) throw new Error(answer.status);
      showReady(await answer.json());
      wait = EVERY_MS;
    } catch {
      showState("bad", "Not reached");
      one("#checks").replaceChildren();
      wait = Math.min(wait * 2, SELDOM_MS);
    }
    say(one("#checked"), `Checked at ${new Date().toLocaleTimeString()}.`);
    looking = false;
    if (!document.hidden) timer = setTimeout(look, wait);
  }

  function showState(state, text) {
    one("#state").dataset.state = state;
    say(one("#state-text"), text);
  }

  function showReady(found) {
    const ready = found.status === "ready";
    showState(ready ? "good" : "bad", ready ? "Ready" : "Not ready");
    const rows = [row("Server", "Answers", "good")];
    if (found.sessions.mode === "stateful") {
      const { open, max } = found.sessions;
      rows.push(row("Sessions", `${open} of ${max} open`, open < max ? "" : "bad"));
    }
    for (const [name, check] of Object.entries(found.checks)) {
      const fine = check.status === "ok";
      const title = name[0].toUpperCase() + name.slice(1);
      rows.push(row(title, fine ? `Reached, ${check.ms} ms` : "Not reached", fine ? "good" : "bad"));
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

  one("#again").addEventListener("click", look);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) look();
  });

  // Copying.

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const done = await copied(source);
    button.textContent = done ? "Copied" : "Selected";
    button.toggleAttribute("data-done", done);
    say(one("#said"), done ? "Copied." : "Selected; copy it with your keyboard.");
    setTimeout(() => {
      button.textContent = "Copy";
      button.removeAttribute("data-done");
      say(one("#said"), "");
    }, 2_000);
  }

  async function copied(source) {
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

  // One client at a time.

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

  // Fewer tools.

  const boxes = all(".domains input");
  const everything = one("#chosen")?.textContent;

  function narrow() {
    const chosen = boxes.filter((box) => box.checked);
    const tools = chosen.reduce((sum, box) => sum + Number(box.dataset.count), 0);
    const address = chosen.length
      ? `${endpoint}?tools=${chosen.map((box) => encodeURIComponent(box.value)).join(",")}`
      : endpoint;
    for (const shown of all(".address")) shown.textContent = address;
    say(one("#chosen"), chosen.length ? `${tools} chosen of ${everything}` : everything);
  }

  for (const box of boxes) box.addEventListener("change", narrow);
  // A page that is gone back to may come with boxes already ticked.
  if (boxes.length) narrow();

  // Trying: one question that opens no session.

  const MODERN = "2026-07-28";
  const field = one("#token");
  const verdict = one("#verdict");

  function question(token) {
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

  async function tried(token) {
    const began = performance.now();
    let answer, text;
    try {
      answer = await fetch(`${root}mcp`, question(token));
      text = await answer.text();
    } catch {
      return ["bad", "The server was not reached."];
    }
    if (answer.status !== 200) return ["bad", refusal(answer)];
    return accepted(read(text), Math.round(performance.now() - began));
  }

  function read(text) {
    // An event stream holds the answer in its last line of data.
    const data = text.match(/^data: *\{.*$/gm)?.at(-1).replace(/^data: */, "");
    try {
      return JSON.parse(data ?? text);
    } catch {
      return {};
    }
  }

  function accepted(message, ms) {
    if (message.error) return ["bad", `Let in, but the server says: ${message.error.message}`];
    if (!message.result) return ["bad", "Let in, but this was no answer of an MCP server."];
    const after = `Protocol ${MODERN}, ${ms} ms.`;
    return ["good", field ? `The token is accepted. ${after}` : `The server answers. ${after}`];
  }

  function refusal(answer) {
    const elsewhere = new URL(endpoint).origin !== location.origin;
    if (answer.status === 401) {
      return "The token is not accepted: it is unknown, expired or meant for another server.";
    }
    if ([403, 421].includes(answer.status) && elsewhere) {
      return `The server takes no requests from this address. Open ${endpoint.replace(/\/mcp$/, "/")} instead.`;
    }
    if (answer.status === 403) return "The token is genuine, but may not use this server.";
    if (answer.status === 429) {
      return `Too many tries. Wait ${answer.headers.get("Retry-After") ?? "some"} seconds.`;
    }
    return `The server answered with status ${answer.status}.`;
  }

  one("#try").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = field?.value.trim().replace(/^Bearer\s+/i, "") ?? "";
    if (field && !/^[\x21-\x7e]+$/.test(token)) {
      say(verdict, token ? "A token has no spaces or special letters." : "Paste a token first.", "bad");
      field.focus();
      return;
    }
    const button = event.target.querySelector("button");
    button.disabled = true;
    say(verdict, "Asking…", "wait");
    const [state, text] = await tried(token);
    say(verdict, text, state);
    button.disabled = false;
    // Disabling took the focus away from whoever pressed it by keyboard.
    if (document.activeElement === document.body) button.focus();
  });

  function forget() {
    if (field) field.value = "";
  }

  addEventListener("pagehide", forget);
  addEventListener("pageshow", forget);

  const started = one("#started");
  started.textContent = new Date(started.dateTime).toLocaleString([], {
    dateStyle: "medium",
    timeStyle: "short",
  });
  look();
})();
