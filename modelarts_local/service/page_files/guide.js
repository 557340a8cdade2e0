// What stands below the answers: command lines that do the same, and what config.json says of the service.

import { copyButton, element, size } from "./dom.js";
import { fill, words } from "./messages.js";
import { formOf, propertiesOf } from "./service.js";
import { scoreText } from "./results.js";

const INLINE_JSON_CHARACTERS = 600; // a longer body is named as a file

/** A word as a POSIX shell reads it. */
export function shellQuoted(text) {
  return /^[\w.,:@%+=/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The file part of curl's -F: a name with characters of curl's own stands in double quotes. */
function curlFile(field, name) {
  const path = name.startsWith("-") ? `./${name}` : name;
  const quoted = /^[\w. /-]+$/.test(path) ? path : `"${path.replaceAll(/["\\]/g, "\\$&")}"`;
  return shellQuoted(`${field}=@${quoted}`);
}

/** Command lines that ask each model the same. question: {names, samples, extras, json}; header: of the token or null. */
export function commandLines(origin, models, question, header) {
  const lines = question.samples.map((url) => `curl -sO ${shellQuoted(origin + url)}`);
  for (const model of models) lines.push(curlLine(origin, model, question, header));
  for (const model of models) {
    const { kind, files, extras } = formOf(model);
    // predict sends one file in the platform's field
    if (kind === "file" && files.length === 1 && files[0] === "images" && extras.length === 0 && !header) {
      const name = question.names[0].startsWith("-") ? `./${question.names[0]}` : question.names[0];
      lines.push(`modelarts-local predict ${shellQuoted(name)} --url ${shellQuoted(origin + model.path)}`);
    }
  }
  return lines;
}

function curlLine(origin, model, question, header) {
  const parts = ["curl"];
  // the variable and not the token: a command line is shown to others and kept in the shell's history
  if (header) parts.push("-H", `"${header}: $TOKEN"`);
  if (question.json !== null) {
    const json = onOneLine(question.json);
    const isShort = json.length <= INLINE_JSON_CHARACTERS;
    parts.push("-H", "'Content-Type: application/json'", "-d", isShort ? shellQuoted(json) : "@request.json");
  } else {
    formOf(model).files.forEach((field, index) => parts.push("-F", curlFile(field, question.names[index] ?? "cat.jpg")));
    for (const [name, value] of Object.entries(question.extras)) parts.push("-F", shellQuoted(`${name}=${value}`));
  }
  return [...parts, shellQuoted(origin + model.path)].join(" ");
}

function onOneLine(json) {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return json;
  }
}

/** One box a command line, each with its button to copy. */
export function commandBoxes(lines) {
  return lines.map((line) =>
    element("div", { class: "code-box" }, copyButton(words, () => line), element("pre", { tabIndex: 0 }, element("code", { textContent: line }))),
  );
}

/** The line under the title: the models and what is known of them. */
export function aboutText(models) {
  if (models.length > 1) return models.map((model) => model.name).join("  ·  ");
  return [models[0].name, ...factsOf(models[0])].join("  ·  ");
}

/** What is known of a model, for one line. */
export function factsOf(model) {
  const facts = [];
  if (model.labels !== null) facts.push(fill(words.classes, { count: model.labels }));
  if (model.engine.mxnet) facts.push(`MXNet ${model.engine.mxnet}`);
  if ("accuracy" in model.metrics) facts.push(`accuracy ${scoreText(model.metrics.accuracy)}`);
  return facts;
}

/** What config.json, the engine and the platform's limits say, a list for each model. */
export function guideOf(origin, models, limits) {
  return models.map((model) => {
    const api = model.apis[0];
    const rows = [
      [words.g_url, origin + model.path],
      [words.g_method, String(api?.method ?? "POST").toUpperCase()],
      [words.g_takes, schemaText(api?.request) || model.inputs.map((name) => `${name}: file`).join(", ")],
      [words.g_gives, schemaText(api?.response) || "JSON"],
      [words.g_metrics, Object.entries(model.metrics).map(([name, value]) => `${name} ${scoreText(value)}`).join(", ")],
      [words.g_engine, Object.entries(model.engine).map(([name, version]) => `${name} ${version}`).join(", ")],
      [
        words.g_limits,
        fill(words.g_limits_text, { page: size(limits.page_bytes), body: size(limits.body_bytes), seconds: limits.seconds }),
      ],
    ];
    const list = element("dl");
    for (const [term, text] of rows) {
      if (text) list.append(element("dt", { textContent: term }), element("dd", { textContent: text }));
    }
    return element("section", {}, models.length > 1 ? element("h4", { textContent: model.name }) : null, list);
  });
}

function schemaText(side) {
  const properties = propertiesOf(side?.data);
  const fields = Object.entries(properties).map(([name, inner]) => {
    const type = typeof inner?.type === "string" ? inner.type : "?";
    return `${name}: ${type}`;
  });
  const type = side?.["Content-type"];
  return fields.length === 0 ? "" : `${fields.join(", ")}${typeof type === "string" ? ` (${type})` : ""}`;
}
