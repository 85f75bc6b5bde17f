(() => {
  const form = one("#form");
  const verdict = one("#verdict");
  const id = location.hash.slice(1);

  const show = (secrets) => {
    for (const [name, value] of Object.entries(secrets)) {
      const [row, term, detail] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      detail.className = "secret";
      term.textContent = name;
      detail.textContent = typeof value === "string" ? value : JSON.stringify(value);
      row.append(term, detail);
      one("#secrets").append(row);
    }
  };

  const take = async (token) => {
    one("#token").value = "";
    const { secrets } = await send("POST", location.pathname, token, { id });
    // The address leads nowhere from now on, so it need not stay in the history.
    history.replaceState(null, "", location.pathname);
    form.hidden = true;
    show(secrets);
    say(verdict, "Store it now: it is not shown again.", "good");
  };

  if (!id) {
    form.hidden = true;
    say(verdict, "This address names no secret: open it with everything after the # sign.", "bad");
  }
  onSubmit(form, take);
})();
