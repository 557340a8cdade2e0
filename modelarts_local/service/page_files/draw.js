// Draws the page from `state`; nothing here asks the service.

import { aboutText, commandBoxes, commandLines, factsOf, guideOf } from "./guide.js";
import { card, scoreText, verdictOf } from "./results.js";
import { element, find, size } from "./dom.js";
import { fill, words } from "./messages.js";
import { classificationOf } from "./service.js";
import { state } from "./state.js";

/** Shows the message `key` of messages.js, or none for null. */
export function say(key, values = {}) {
  state.message = key === null ? null : { key, values };
  drawMessage();
  drawCommands();
}

/** Draws everything. */
export function draw() {
  document.body.classList.toggle("many", state.service.models.length > 1);
  find("about").textContent = aboutText(state.service.models);
  document.title = `${state.service.models.map(({ name }) => name).join(", ")} · ${words.title}`;
  drawHealth();
  drawMessage();
  drawQuestion();
  drawAnswers();
  drawHistory();
  drawCommands();
  find("guide-body").replaceChildren(...guideOf(location.origin, state.service.models, state.service.limits));
}

export function drawHealth() {
  find("health").dataset.state = state.health;
  find("health-text").textContent = words[state.health] ?? words.loading;
}

function drawMessage() {
  const { message } = state;
  const isNote = message?.key === "several_files";
  find("message").replaceChildren(
    ...(message ? [element("p", { class: isNote ? "notice" : "notice problem", textContent: fill(words[message.key], message.values) })] : []),
  );
}

export function drawQuestion() {
  const { form, chosen, field } = state;
  const isJson = form.kind === "json";
  document.querySelector("h1").textContent = isJson ? words.title_json : words.title;
  find("picture-part").hidden = isJson;
  find("json-part").hidden = !isJson;
  find("choose").textContent = isJson ? words.insert : words.choose;
  find("send").textContent = isJson ? words.send_json : words.send;
  drawFields();
  drawSend();
  const shown = chosen[field] ?? chosen.findLast?.((one) => one) ?? null;
  find("stage").classList.toggle("filled", shown !== null);
  const preview = find("preview");
  preview.hidden = shown === null || shown.isHidden === true;
  find("stage-hint").hidden = !preview.hidden;
  find("stage-text").textContent = shown?.isHidden ? fill(words.no_preview, { name: shown.file.name }) : words.drop;
  if (shown && preview.src !== shown.url) preview.src = shown.url;
  if (shown) preview.alt = shown.file.name;
  drawFacts(shown);
}

/** What keeps a question from being sent, {key, values} of a message, or null: a file field without its picture. */
export function whatIsMissing() {
  const missing = state.form.files.filter((_, index) => !state.chosen[index]);
  if (missing.length === 0) return null;
  return state.form.files.length === 1 ? { key: "pictures_first", values: {} } : { key: "fields_first", values: { names: missing.join(", ") } };
}

/** Without its pictures the button looks disabled and says why; it can be reached, so that a keyboard finds the reason. */
function drawSend() {
  const missing = whatIsMissing();
  find("send").setAttribute("aria-disabled", String(missing !== null));
  find("send").title = missing ? fill(words[missing.key], missing.values) : "";
}

function drawFacts(shown) {
  const sides = shown?.width ? `${shown.width} × ${shown.height}` : null;
  const facts = shown ? [shown.file.name, sides, size(shown.file.size)].filter((fact) => fact) : [];
  find("picture-facts").textContent = state.form.isDeclared || shown ? facts.join("  ·  ") : words.no_apis;
}

function drawFields() {
  const { files } = state.form;
  find("fields").hidden = files.length < 2;
  find("fields").replaceChildren(
    ...files.map((name, index) => {
      const text = `${name}: ${state.chosen[index]?.file.name ?? "–"}`;
      const button = element("button", { type: "button", textContent: text, "aria-pressed": String(index === state.field) });
      button.addEventListener("click", () => {
        state.field = index;
        drawQuestion();
      });
      return button;
    }),
  );
}

/** With `onlyWaiting` the cards that wait are drawn again and the others left, with what is open or selected in them. */
export function drawAnswers({ onlyWaiting = false } = {}) {
  const { models, limits } = state.service;
  const results = state.asked?.results ?? models.map(() => null);
  const drawn = [...find("results").children];
  const isOneOfMany = models.length > 1;
  const cards = models.map((model, index) =>
    onlyWaiting && !results[index]?.isWaiting
      ? drawn[index]
      : card(model, results[index], { limits, isOneOfMany, facts: factsOf(model) }),
  );
  find("results").replaceChildren(...cards);
  const verdict = verdictOf(results);
  find("verdict").hidden = verdict === null;
  find("verdict").textContent = verdict?.text ?? "";
  find("verdict").dataset.same = String(verdict?.isSame ?? "");
}

export function drawHistory() {
  find("history-part").hidden = state.history.length === 0;
  find("history").replaceChildren(...state.history.map(historyButton));
}

function thumbnail(picture) {
  if (picture === undefined) return element("span", { class: "tile", textContent: "{ }" });
  const { file, url, isHidden } = picture;
  // a kind of file that this browser cannot show
  if (isHidden) return element("span", { class: "tile", textContent: file.name.split(".").pop().slice(0, 5), title: file.name });
  return element("img", { src: url, alt: file.name });
}

function historyButton(asked) {
  const answers = asked.results.map((result) => (result.status === 200 ? classificationOf(result.body) : null));
  const isJson = asked.results.every(({ status }) => status === 200) && answers.every((answer) => answer === null);
  const [label, ...others] = new Set(isJson ? ["JSON"] : answers.map((answer) => answer?.label ?? "–"));
  const best = answers[0]?.scores.find(([name]) => name === label);
  const second = others.length > 0 ? others.join(" / ") : best ? scoreText(best[1]) : "";
  const button = element(
    "button",
    { type: "button", "aria-pressed": String(asked === state.asked) },
    thumbnail(asked.chosen[0]),
    element("span", { class: "name", textContent: label, title: label, dir: "auto" }),
    element("span", { class: "value", textContent: second, title: second, dir: "auto" }),
  );
  button.addEventListener("click", () => {
    state.asked = asked;
    state.chosen = [...asked.chosen];
    if (asked.json !== null) find("json").value = asked.json;
    say(null);
    draw();
    find("history").querySelector("[aria-pressed=true]").focus();
  });
  return button;
}

export function drawCommands() {
  const { message } = state;
  // the file that is too large for this page is the one to send by command
  const chosen = message?.key === "too_large" ? [{ file: message.values, sample: null }] : state.chosen;
  const names = chosen.map(({ file }) => file.name);
  const question = {
    names: names.length > 0 ? names : ["cat.jpg"],
    samples: chosen.map(({ sample }) => sample).filter((url) => url),
    extras: extras(),
    json: state.form.kind === "json" ? find("json").value : null,
  };
  const header = find("token-part").hidden ? null : find("token-header").value;
  find("commands").replaceChildren(...commandBoxes(commandLines(location.origin, state.service.models, question, header)));
}

/** What is filled in beside the pictures, by field. */
export function extras() {
  const filled = [...find("extras").querySelectorAll("input")].filter((input) => input.value !== "");
  return Object.fromEntries(filled.map((input) => [input.name, input.value]));
}

/** Makes the inputs of the fields that are no pictures, once. */
export function makeExtras(onChange) {
  for (const name of state.form.extras) {
    const input = element("input", { name, type: "text", autocomplete: "off", spellcheck: false });
    input.addEventListener("input", onChange);
    find("extras").append(element("label", {}, element("span", { textContent: name }), input));
  }
}
