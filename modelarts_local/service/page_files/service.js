// What the service takes, how it is asked, and what its answers mean.

/**
 * The form that config.json's first api asks for, as the platform's console renders it: a property of type file is a
 * picture, no such property means a JSON box. A package without apis gets the fields that its handler reads.
 */
export function formOf(model) {
  const api = model.apis[0];
  const properties = propertiesOf(api?.request?.data);
  const names = Object.keys(properties);
  if (names.length === 0) return { kind: "file", files: model.inputs, extras: [], isDeclared: false };
  const files = names.filter((name) => properties[name]?.type === "file");
  const extras = names.filter((name) => !files.includes(name));
  if (files.length > 0) return { kind: "file", files, extras, isDeclared: true };
  return { kind: "json", files: [], extras: [], isDeclared: true, example: exampleOf(api.request.data) };
}

/** The properties of a JSON schema, none when it is not one. */
export function propertiesOf(schema) {
  const properties = schema?.properties;
  return properties !== null && typeof properties === "object" && !Array.isArray(properties) ? properties : {};
}

function exampleOf(schema, depth = 0) {
  const type = depth < 8 ? schema?.type : "string";
  if (type === "object") {
    return Object.fromEntries(
      Object.entries(propertiesOf(schema)).map(([name, inner]) => [name, exampleOf(inner, depth + 1)]),
    );
  }
  // the platform's own samples write `items` as a schema and as a list of one
  if (type === "array") return [exampleOf([schema.items ?? schema.item].flat()[0], depth + 1)];
  return { number: 0, integer: 0, boolean: false }[type] ?? "";
}

/** Tells whether the bytes of a file can be had. */
export async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/**
 * Asks one model. question: {files, extras, json}; token: {header, value}.
 * Returns {status, body, text, ms}; status 0 when nothing answers, body undefined when the answer is no JSON.
 */
export async function ask(model, question, token) {
  const started = performance.now();
  const headers = token.value ? { [token.header]: token.value } : {};
  let body = question.json;
  if (body === null) {
    body = new FormData();
    formOf(model).files.forEach((field, index) => {
      const file = question.files[index];
      if (file) body.append(field, file, file.name);
    });
    for (const [name, value] of Object.entries(question.extras)) body.append(name, value);
  } else {
    headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(model.path, { method: "POST", headers, body, credentials: "omit" });
    const text = await response.text();
    return { status: response.status, text, body: parsed(text), ms: performance.now() - started };
  } catch {
    return { status: 0, text: "", body: undefined, ms: performance.now() - started };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How a model is, or all together without a name: "healthy", "warming", "restarting", "failed" or "gone". */
export async function askHealth(name = null) {
  try {
    const response = await fetch("/health", { cache: "no-store", credentials: "omit" });
    const all = (await response.json()) ?? {};
    const health = name !== null && Object.hasOwn(all.models ?? {}, name) ? all.models[name].health : all.health;
    return { healthy: "healthy", restarting: "restarting", failed: "failed" }[health] ?? "warming";
  } catch {
    return "gone";
  }
}

/** The platform's answer of a classification, {label, scores: [[name, score]]}, or null for any other answer. */
export function classificationOf(body) {
  const label = body?.predicted_label;
  const scores = body?.scores;
  if (typeof label !== "string" || !Array.isArray(scores)) return null;
  const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && Number.isFinite(Number(pair[1]));
  if (!scores.every(isPair)) return null;
  return { label, scores: scores.map(([name, score]) => [String(name), Number(score)]) };
}

/** Returns {key, code, detail}: the message of a failure, the platform's code, and the service's own sentence. */
export function failureOf(result, health) {
  const code = String(result.body?.error_code ?? result.body?.erno ?? "");
  const detail = String(result.body?.error_msg ?? result.body?.msg ?? (result.body === undefined ? result.text : ""));
  return { key: failureKey(result.status, code, health), code, detail: detail.slice(0, 1000) };
}

function failureKey(status, code, health) {
  if (status === 503) return { warming: "e_warming", restarting: "e_restarting", failed: "e_down" }[health] ?? "e_busy";
  // MR codes come from customize_service.py: with 400 it blames the picture
  if (status === 400) return code.startsWith("MR.") ? "e_unreadable" : "e_refused";
  const keys = { 0: "e_gone", 401: "e_token", 403: "e_forbidden", 404: "e_not_found", 413: "e_too_large", 429: "e_busy" };
  return keys[status] ?? { 500: "e_failed", 504: "e_late" }[status] ?? "e_other";
}
