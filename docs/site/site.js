// Buttons that copy a block of code, and the field that finds a pasted error message.
(() => {
  "use strict";

  for (const block of document.querySelectorAll("div.highlight")) {
    const code = block.querySelector("pre");
    const text = code.textContent.trimEnd();
    const button = document.createElement("button");
    button.className = "copy";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    code.prepend(button);
  }

  // On a narrow screen the cells of a wide table stand below each other, each with its heading.
  for (const table of document.querySelectorAll("table.docutils")) {
    const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, number) => { cell.dataset.heading = headings[number] || ""; });
    }
  }

  const page = document.querySelector("section#troubleshooting");
  if (!page) return;

  // The words of a message that are not filled in, so that a pasted message contains them.
  const wordsOf = (text) => text.replace(/\{[^{}]*\}/g, " ").toLowerCase().match(/[\p{L}\d_]{2,}/gu) || [];
  const messages = [...page.querySelectorAll("li")]
    .map((item) => ({ item, words: wordsOf(item.textContent), part: item.closest("section") }))
    .filter((message) => message.words.length > 1);
  // A word that many messages have says little.
  const counts = new Map();
  for (const { words } of messages) {
    for (const word of new Set(words)) counts.set(word, (counts.get(word) || 0) + 1);
  }
  const weight = (word) => 1 / (counts.get(word) || 1);
  const sum = (words) => words.reduce((total, word) => total + weight(word), 0);

  const score = (message, pasted) => {
    const shared = message.words.filter((word) => pasted.has(word));
    if (shared.length < 2 || shared.length < message.words.length / 2) return 0;
    return (sum(shared) / sum(message.words)) * Math.log(1 + shared.length);
  };

  const MAX_SHOWN = 3;
  const MIN_SCORE = 0.6;
  const field = document.createElement("input");
  field.className = "error-search";
  field.type = "search";
  field.placeholder = "Paste an error message";
  field.setAttribute("aria-label", "Paste an error message");
  const result = document.createElement("div");
  result.className = "error-search-result";
  result.setAttribute("aria-live", "polite");
  page.querySelector("h1 + p").after(field, result);

  field.addEventListener("input", () => {
    result.replaceChildren();
    const pasted = new Set(wordsOf(field.value));
    if (!pasted.size) return;
    const best = messages
      .map((message) => ({ ...message, score: score(message, pasted) }))
      .filter((message) => message.score >= MIN_SCORE)
      .sort((a, b) => b.score - a.score)
      .slice(0, MAX_SHOWN);
    if (!best.length) {
      result.textContent = "No message of ours is like this one. A message after “Portkey answered” is Portkey's own.";
      return;
    }
    for (const { item, part } of best) {
      const shown = document.createElement("div");
      shown.className = "error-search-match";
      const message = document.createElement("p");
      message.append(...[...item.querySelector("p, code").cloneNode(true).childNodes]);
      const link = document.createElement("a");
      link.href = `#${part.id}`;
      link.textContent = part.querySelector("h3").firstChild.textContent;
      const [cause, cure] = [...part.querySelectorAll(":scope > p")].slice(0, 2).map((p) => p.cloneNode(true));
      shown.append(message, cause, cure, link);
      result.append(shown);
    }
  });
})();
