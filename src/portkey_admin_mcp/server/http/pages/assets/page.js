"use strict";

// What the scripts of all pages use. Each page's own script follows it in the same element.

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
document.documentElement.classList.add("js");

function say(element, text, state) {
  // Set only on a change, so that a screen reader does not repeat itself.
  if (element.textContent !== text) element.textContent = text;
  if (state) element.dataset.state = state;
}

// The token in a field. Throws what to tell the person if there is none.
function tokenIn(field) {
  const token = field.value.trim().replace(/^Bearer\s+/i, "");
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  field.focus();
  throw new Error(token ? "A token has no spaces or special letters." : "Paste your token first.");
}

// The JSON that the server answers to a request with a token, which goes into a header and nowhere
// else. Throws what to tell the person if it does not answer, or refuses.
async function send(method, path, token, body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new Error("The server was not reached.");
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(content?.message ?? `The server answered with status ${answer.status}.`);
  if (!content) throw new Error("The answer did not come from this service. Try again.");
  return content;
}

// Do `work` with the token each time the form is submitted, and tell the person what it throws.
function onSubmit(form, work) {
  const verdict = one("#verdict");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const token = tokenIn(one("#token"));
      say(verdict, "Waiting for the answer…", "wait");
      await work(token);
    } catch (error) {
      say(verdict, error.message, "bad");
    }
  });
}
