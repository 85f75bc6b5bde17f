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
  let groups = [];
  // The domains that were open before something was looked for.
  let openBefore = null;

  function prepare() {
    groups = all(".group", list);
    tools = all(".tool", list).map((box) => ({
      box,
      group: box.parentElement,
      text: box.textContent.toLowerCase().replaceAll("_", " "),
    }));
    const names = groups.map((group) => group.dataset.domain);
    domain.replaceChildren(domain.options[0], ...names.map((name) => new Option(name.replaceAll("_", " "), name)));
    openBefore = null;
    for (const group of groups) group.open = false;
    show();
  }

  function show() {
    const words = query.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
    const isFinding = Boolean(words.length || domain.value || effect.value);
    const sizes = new Map(groups.map((group) => [group, 0]));
    for (const { box, group, text } of tools) {
      const fits =
        (!domain.value || group.dataset.domain === domain.value) &&
        (!effect.value || box.dataset.effect === effect.value) &&
        words.every((word) => text.includes(word));
      box.hidden = !fits;
      if (fits) sizes.set(group, sizes.get(group) + 1);
    }
    if (isFinding) openBefore ??= new Set(groups.filter((group) => group.open));
    for (const group of groups) {
      const [size, total] = [sizes.get(group), all(".tool", group).length];
      group.hidden = !size;
      say(one(".hint", group), size === total ? `${total}` : `${size} of ${total}`);
      if (isFinding || openBefore) group.open = isFinding || openBefore.has(group);
    }
    if (!isFinding) openBefore = null;
    const count = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    say(one("#count"), count ? `${count} of ${tools.length} tools` : "No tool has all of these words.");
  }

  const fields = [query, domain, effect];
  for (const field of fields) field.addEventListener("input", show);

  one("#open-all").addEventListener("click", () => {
    for (const group of groups) group.open = true;
  });
  one("#close-all").addEventListener("click", () => {
    for (const box of all("details", list)) box.open = false;
  });

  // Shows the tool or the domain after the # sign of the address.
  function openNamed() {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!named?.matches(".tool, .group")) return;
    if (named.hidden || named.parentElement.hidden) {
      for (const field of fields) field.value = "";
      show();
    }
    named.closest(".group").open = true;
    named.open = true;
    named.scrollIntoView();
  }

  addEventListener("hashchange", openNamed);

  // Drawing what `/tools/offered` answers.

  const copyOf = (id) => one(id).content.cloneNode(true);

  function draw({ tools: rows, denied }) {
    const rowsOf = new Map();
    for (const row of rows) rowsOf.set(row.domain, [...(rowsOf.get(row.domain) ?? []), row]);
    const names = [...rowsOf.keys()].sort();
    list.replaceChildren(...names.map((name) => groupOf(name, rowsOf.get(name), new Set(denied))));
    one("#filters").hidden = false;
    prepare();
  }

  function groupOf(name, rows, denied) {
    const group = copyOf("#group").firstElementChild;
    group.dataset.domain = name;
    group.id = `domain-${name}`;
    one("h2", group).textContent = name.replaceAll("_", " ");
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
