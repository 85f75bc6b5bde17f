(() => {
  const field = one("#token");
  if (!field) return;
  // The path under which the page was opened; a proxy may add a prefix.
  const root = location.pathname.replace(/approvals\/?$/, "");
  const verdict = one("#verdict");

  const ask = (method, path, body) => send(method, root + path, tokenIn(field), body);

  function element(tag, text, properties = {}) {
    const created = document.createElement(tag);
    if (text) created.textContent = visible(text);
    return Object.assign(created, properties);
  }

  // Characters that show as nothing, or turn the text around them, as the command line writes them.
  function visible(text) {
    return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, (character) => {
      if (character === "\n") return character;
      if (character === "\t" || character === "\r") return character === "\t" ? "\\t" : "\\r";
      const code = character.codePointAt(0);
      const [mark, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
      return `\\${mark}${code.toString(16).padStart(digits, "0")}`;
    });
  }

  function when(time) {
    return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }

  function card(request) {
    const box = element("section", "", { className: "card request" });
    const title = element("h2", `${request.tool}: ${request.name}`);
    const details = element(
      "p",
      `Asked for by ${request.requester} on ${when(request.created_at)}; expires on ${when(request.expires_at)}. Id ${request.id}.`,
      { className: "hint" },
    );
    const name = input(`name-${request.id}`, `To approve it, type its name: ${request.name}`);
    const why = input(`why-${request.id}`, "To deny it, you can say why");
    const approve = element("button", "Approve", { type: "button", className: "primary" });
    const deny = element("button", "Deny", { type: "button" });
    approve.addEventListener("click", () =>
      settle(request, { decision: "approve", name: name.field.value }));
    deny.addEventListener("click", () => settle(request, { decision: "deny", why: why.field.value }));
    name.row.append(approve);
    why.row.append(deny);
    box.append(title, details, sentences(request.lines), json(request), name.box, why.box);
    return box;
  }

  // The lines of a preview as paragraphs; those of the fields that change are a list.
  function sentences(lines) {
    const box = element("div", "", { className: "lines" });
    for (const line of lines) {
      if (!line.startsWith("- ")) {
        box.append(element("p", line));
        continue;
      }
      if (box.lastChild?.tagName !== "UL") box.append(element("ul"));
      box.lastChild.append(element("li", line.slice(2)));
    }
    return box;
  }

  function json(request) {
    const details = element("details");
    const preview = element("pre", JSON.stringify(request.preview, null, 2), { tabIndex: 0 });
    preview.setAttribute("role", "group");
    preview.setAttribute("aria-label", `What ${request.tool} would change, as JSON`);
    details.append(element("summary", "Show it as JSON"), preview);
    return details;
  }

  function input(id, label) {
    const box = element("div");
    const row = element("div", "", { className: "row" });
    const field = element("input", "", { type: "text", id, autocomplete: "off", maxLength: 500 });
    box.append(element("label", label, { htmlFor: id }), row);
    row.append(field);
    return { box, row, field };
  }

  async function settle(request, body) {
    await act(async () => {
      await ask("POST", `approvals/${encodeURIComponent(request.id)}`, body);
      await show();
      say(verdict, `${request.tool} of ${request.name}: ${body.decision === "approve" ? "approved; the same call passes once" : "denied"}.`, "good");
    });
  }

  async function show() {
    const { you, freeze, approvals } = await ask("GET", "approvals/open");
    one("#requests").replaceChildren(...approvals.map(card));
    one("#freeze").hidden = false;
    one("#freeze-state").textContent = freeze
      ? visible(`All changes are frozen since ${when(freeze.since)} by ${freeze.by}: ${freeze.why}`)
      : "Changes are allowed.";
    one("#freeze-label").hidden = one("#freeze-why").hidden = Boolean(freeze);
    one("#freeze-button").textContent = freeze ? "Thaw: allow changes again" : "Freeze all changes";
    one("#freeze-form").dataset.frozen = freeze ? "yes" : "";
    say(verdict, `You are ${you}. ${approvals.length || "No"} open request${approvals.length === 1 ? "" : "s"}.`, "good");
  }

  async function act(work) {
    const buttons = [...document.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await work();
    } catch (error) {
      say(verdict, error.message, "bad");
    }
    for (const button of buttons) button.disabled = false;
  }

  one("#who").addEventListener("submit", (event) => {
    event.preventDefault();
    one("#requests").replaceChildren();
    act(show);
  });

  one("#freeze-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const isFrozen = event.target.dataset.frozen === "yes";
    act(async () => {
      await (isFrozen ? ask("DELETE", "freeze") : ask("POST", "freeze", { why: one("#freeze-why").value }));
      one("#freeze-why").value = "";
      await show();
    });
  });

  function forget() {
    field.value = "";
    one("#requests").replaceChildren();
    one("#freeze").hidden = true;
  }

  addEventListener("pagehide", forget);
  addEventListener("pageshow", forget);
})();
