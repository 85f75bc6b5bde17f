(() => {
  // The path under which the page was opened; a proxy may add a prefix.
  const root = location.pathname.replace(/tools\/?$/, "");
  const EFFECTS = Object.fromEntries(all("#effect option").map((each) => [each.value, each.text]));
  const list = one("#tools");
  const query = one("#query");
  const domain = one("#domain");
  const effect = one("#effect");

  // Finding: every word must be in the name, the description or an argument.

  let tools = [];

  function prepare() {
    tools = all(".tool", list).map((box) => ({
      box,
      domain: box.parentElement.dataset.domain,
      text: box.textContent.toLowerCase(),
    }));
    const names = all(".group", list).map((group) => group.dataset.domain);
    domain.replaceChildren(domain.options[0], ...names.map((name) => new Option(name.replaceAll("_", " "), name)));
    show();
  }

  function show() {
    const words = query.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
    let count = 0;
    for (const tool of tools) {
      const text = tool.text.replaceAll("_", " ");
      const fits =
        (!domain.value || tool.domain === domain.value) &&
        (!effect.value || tool.box.dataset.effect === effect.value) &&
        words.every((word) => text.includes(word));
      tool.box.hidden = !fits;
      if (fits) count += 1;
    }
    for (const group of all(".group", list)) group.hidden = !one(".tool:not([hidden])", group);
    say(one("#count"), count ? `${count} of ${tools.length} tools` : "No tool has all of these words.");
  }

  for (const field of [query, domain, effect]) field.addEventListener("input", show);

  function openNamed() {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!named?.matches(".tool")) return;
    named.open = true;
    named.scrollIntoView();
  }

  addEventListener("hashchange", openNamed);

  // Drawing what `/tools/offered` answers.

  const copyOf = (id) => one(id).content.cloneNode(true);

  function draw({ tools: rows, denied }) {
    const groups = new Map();
    for (const row of rows) groups.set(row.domain, [...(groups.get(row.domain) ?? []), row]);
    const names = [...groups.keys()].sort();
    list.replaceChildren(...names.map((name) => groupOf(name, groups.get(name), new Set(denied))));
    one("#filters").hidden = false;
    prepare();
  }

  function groupOf(name, rows, denied) {
    const group = copyOf("#group").firstElementChild;
    group.dataset.domain = name;
    const title = one("h2", group);
    title.textContent = name.replaceAll("_", " ");
    title.id = `domain-${name}`;
    group.setAttribute("aria-labelledby", title.id);
    one(".hint", group).textContent = rows.length;
    group.append(...rows.map((row) => toolOf(row, denied.has(row.name))));
    return group;
  }

  function toolOf(row, isDenied) {
    const box = copyOf("#tool").firstElementChild;
    box.id = row.name;
    box.dataset.effect = row.effect;
    if (isDenied) box.dataset.denied = "";
    one("code", box).textContent = row.name;
    one(".effect", box).textContent = isDenied ? "Denied to you by the policy" : EFFECTS[row.effect];
    one(".brief", box).textContent = row.brief;
    one(".description", box).textContent = row.description;
    if (row.arguments.length === 0) {
      const none = document.createElement("p");
      none.className = "hint";
      none.textContent = "It takes no arguments.";
      box.append(none);
      return box;
    }
    const table = copyOf("#arguments").firstElementChild;
    one("tbody", table).replaceChildren(...row.arguments.map(argumentOf));
    box.append(table);
    return box;
  }

  function argumentOf(argument) {
    const row = copyOf("#argument").firstElementChild;
    one("code", row).textContent = argument.name;
    if (argument.required) {
      const mark = document.createElement("small");
      mark.textContent = "required";
      one("th", row).append(mark);
    }
    const [type, meaning] = all("td", row);
    type.textContent = argument.type;
    meaning.textContent = argument.description;
    return row;
  }

  // With authentication: read them with the caller's token.

  const form = one("#who");
  if (!form) {
    prepare();
    openNamed();
    return;
  }
  onSubmit(form, async (token) => {
    list.replaceChildren();
    one("#filters").hidden = true;
    const offered = await send("GET", `${root}tools/offered`, token);
    draw(offered);
    say(one("#verdict"), `You are offered ${offered.tools.length} tools.`, "good");
    one("#token").value = "";
    openNamed();
  });
})();
