// The cards of answers, one for each model.

import { classificationOf, failureOf } from "./service.js";
import { copyButton, element } from "./dom.js";
import { fill, language, words } from "./messages.js";

const SHOWN_SCORES = 5; // as many as the platform's test page

/** A score as people read it: 93.4 %, or the bare number where it is no share. */
export function scoreText(score) {
  if (score < 0 || score > 1) return new Intl.NumberFormat(language, { maximumFractionDigits: 3 }).format(score);
  const percent = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return score > 0 && score < 0.001 ? `< ${percent.format(0.001)}` : percent.format(score);
}

/**
 * The card of one model. result: null before the first question, {isWaiting, since}, or an answer of service.js.
 * limits: those of service.json. isOneOfMany: whether the model's name is worth a line, with `facts` about it.
 */
export function card(model, result, { limits, isOneOfMany, facts }) {
  const made = element("article", { class: "panel card" });
  const latency = element("span", { class: "latency", textContent: latencyText(result) });
  if (isOneOfMany) {
    const name = element("h3", { textContent: model.name, title: model.name });
    made.append(element("header", {}, name, latency, element("p", { class: "facts", textContent: facts.join("  ·  ") })));
  }
  if (result === null) made.append(ghost(words.empty));
  else if (result.isWaiting) made.append(ghost(waitingText(result, limits), true));
  else if (result.status === 200) made.append(...answered(result, isOneOfMany ? null : latency));
  else made.append(...failed(model, result, limits));
  made.dataset.state = stateOf(result);
  return made;
}

function stateOf(result) {
  if (result === null) return "empty";
  if (result.isWaiting) return "waiting";
  return result.status === 200 ? "answered" : "failed";
}

function latencyText(result) {
  if (result?.status !== 200) return "";
  const ms = new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(Math.max(1, result.ms));
  return fill(words.latency, { ms });
}

function waitingText(result, limits) {
  const seconds = Math.floor((performance.now() - result.since) / 1000);
  return seconds < 1 ? words.waiting : fill(words.waiting_s, { seconds, limit: limits.seconds });
}

function ghost(text, isWaiting = false) {
  const lines = ["", "", "", "", ""].map(() => element("li", {}, element("span", { class: "track" })));
  return element(
    "div",
    { class: isWaiting ? "ghost waiting" : "ghost" },
    element("p", { textContent: text }),
    element("ol", { class: "bars", "aria-hidden": "true" }, ...lines),
  );
}

function answered(result, latency) {
  const found = classificationOf(result.body);
  if (found === null) return [latency ?? "", raw(result, true)];
  const best = found.scores.find(([name]) => name === found.label);
  return [
    element(
      "p",
      { class: "label" },
      element("strong", { textContent: found.label, dir: "auto" }),
      best ? element("span", { class: "share", textContent: scoreText(best[1]) }) : null,
      latency,
    ),
    bars(found),
    raw(result, false),
  ];
}

function bars({ label, scores }) {
  const shown = scores.slice(0, SHOWN_SCORES);
  // shares of 1 where they are shares, else of the largest
  const whole = Math.max(1, ...shown.map(([, score]) => score));
  return element("ol", { class: "bars" }, ...shown.map(([name, score]) => bar(name, score, whole, name === label)));
}

function bar(name, score, whole, isBest) {
  const filled = element("span", { class: "bar" });
  filled.style.width = `${Math.min(100, Math.max(0, (score / whole) * 100))}%`;
  return element(
    "li",
    isBest ? { class: "best" } : {},
    element("span", { class: "name", textContent: name, title: name, dir: "auto" }),
    element("span", { class: "value", textContent: scoreText(score) }),
    element("span", { class: "track", "aria-hidden": "true" }, filled),
  );
}

function failed(model, result, limits) {
  const { key, code, detail } = failureOf(result, result.health);
  return [
    element(
      "div",
      { class: "failure" },
      element("p", { class: "sentence", textContent: failureSentence(key, model, result, limits) }),
      // the service's own words are English
      detail ? element("p", { class: "detail", lang: "en", textContent: detail }) : null,
      result.status
        ? element("p", { class: "code" }, element("code", { textContent: `HTTP ${result.status}${code ? ` · ${code}` : ""}` }))
        : null,
    ),
    ...(result.text ? [raw(result, false)] : []),
  ];
}

/** The sentence of a failure, in the chosen language. */
export function failureSentence(key, model, result, limits) {
  const values = { path: model.path, status: result.status, limit: limits.seconds, body: `${limits.body_bytes / 1024 / 1024} MB` };
  return fill(words[key], values);
}

function raw(result, isOpen) {
  const text = result.body === undefined ? result.text : JSON.stringify(result.body, null, 2);
  const box = element("pre", { tabIndex: 0 }, element("code", { textContent: text }));
  const details = element(
    "details",
    { class: "raw", open: result.isOpen ?? isOpen },
    element("summary", { textContent: words.raw }),
    element("div", { class: "code-box" }, copyButton(words, () => text), box),
  );
  // the card is drawn again when the language changes
  details.addEventListener("toggle", () => (result.isOpen = details.open));
  return details;
}

/** What a screen reader says when the answers are there. */
export function spokenText(models, results) {
  return models
    .map((model, index) => {
      const found = results[index].status === 200 ? classificationOf(results[index].body) : null;
      if (results[index].status !== 200) return fill(words.failed_live, { model: model.name });
      if (found === null) return `${model.name}: JSON`;
      const best = found.scores.find(([name]) => name === found.label);
      return `${models.length > 1 ? `${model.name}: ` : ""}${found.label}${best ? `, ${scoreText(best[1])}` : ""}`;
    })
    .join("; ");
}

/** {text, isSame} about several models' answers, null where there is nothing to compare. */
export function verdictOf(results) {
  const labels = results.map((result) => (result?.status === 200 ? classificationOf(result.body)?.label : undefined));
  if (labels.length < 2 || labels.includes(undefined)) return null;
  const isSame = new Set(labels).size === 1;
  return { isSame, text: fill(isSame ? words.same : words.differ, { count: labels.length, label: labels[0] }) };
}
