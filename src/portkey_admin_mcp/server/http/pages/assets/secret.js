"use strict";
(() => {
  const form = document.getElementById("form");
  const field = document.getElementById("token");
  const verdict = document.getElementById("verdict");
  const list = document.getElementById("secrets");
  const id = location.hash.slice(1);

  document.documentElement.classList.add("js");

  const say = (text, state) => {
    verdict.textContent = text;
    verdict.dataset.state = state;
  };

  const show = (secrets) => {
    for (const [name, value] of Object.entries(secrets)) {
      const [row, term, detail] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      detail.className = "secret";
      term.textContent = name;
      detail.textContent = typeof value === "string" ? value : JSON.stringify(value);
      row.append(term, detail);
      list.append(row);
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
      say(answer.message, "bad");
      return;
    }
    // The address leads nowhere from now on, so it need not stay in the history.
    history.replaceState(null, "", location.pathname);
    form.hidden = true;
    show(answer.secrets);
    say("Store it now: it is not shown again.", "good");
  };

  if (!id) {
    form.hidden = true;
    say("This address names no secret: open it with everything after the # sign.", "bad");
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = field.value.trim().replace(/^Bearer\s+/i, "");
    if (!/^[\x21-\x7e]+$/.test(token)) {
      say(token ? "A token has no spaces or special letters." : "Paste your token first.", "bad");
      field.focus();
      return;
    }
    field.value = "";
    say("Waiting for the answer…", "wait");
    try {
      await take(token);
    } catch {
      say("The server was not reached. Try again.", "bad");
    }
  });
})();
