"use strict";
(() => {
  const form = document.getElementById("form");
  const field = document.getElementById("token");
  const verdict = document.getElementById("verdict");
  const list = document.getElementById("secrets");
  const id = location.hash.slice(1);

  const say = (text) => { verdict.textContent = text; };

  const show = (secrets) => {
    for (const [name, value] of Object.entries(secrets)) {
      const term = document.createElement("dt");
      const detail = document.createElement("dd");
      term.textContent = name;
      detail.textContent = typeof value === "string" ? value : JSON.stringify(value);
      list.append(term, detail);
    }
  };

  const take = async (token) => {
    const response = await fetch(location.pathname, {
      method: "POST",
      headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ id }),
      cache: "no-store",
      credentials: "omit",
    });
    const answer = await response.json();
    if (!response.ok) {
      say(answer.message);
      return;
    }
    // The address leads nowhere from now on, so it need not stay in the history.
    history.replaceState(null, "", location.pathname);
    form.hidden = true;
    show(answer.secrets);
    say("Store it now: it is not shown again.");
  };

  if (!id) {
    form.hidden = true;
    say("This address names no secret: open it with everything after the # sign.");
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = field.value.trim();
    field.value = "";
    if (!token) {
      say("Write your token first.");
      return;
    }
    say("Asking the server…");
    try {
      await take(token);
    } catch {
      say("The server did not answer. Try again.");
    }
  });
})();
