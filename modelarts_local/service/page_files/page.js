// The test page: takes pictures, asks the models, and keeps what was answered.

import { ask, askHealth, formOf, isReadable } from "./service.js";
import { draw, drawAnswers, drawCommands, drawHealth, drawHistory, drawQuestion, extras, makeExtras, say, whatIsMissing } from "./draw.js";
import { element, find, size, walkWithArrows } from "./dom.js";
import { preferredLanguage, setLanguage } from "./messages.js";
import { spokenText } from "./results.js";
import { state } from "./state.js";
import { drawStatus, watchStatus } from "./status.js";

const KEPT = 8; // pictures in the history
const PAUSE_MS = 1000; // between two questions for the service's health

// --- choosing -------------------------------------------------------------------------------------------------------

/** Takes one picture for the field that is next; sends when nothing is missing. sample: its address here, or null. */
async function choose(files, sample = null) {
  const file = files[0];
  say(files.length > 1 ? "several_files" : null, { name: file.name });
  if (!(await areReadable([file]))) return;
  const { limits } = state.service;
  // the platform's page takes "under 8 MB" and a request of 12 MB (contract 4.4, 3.5)
  if (file.size >= limits.page_bytes) {
    const values = { name: file.name, size: exactSize(file.size, limits.page_bytes) };
    return say("too_large", { ...values, limit: size(limits.page_bytes), body: size(limits.body_bytes) });
  }
  if (state.form.kind === "json") return insertIntoJson(file);
  state.chosen[state.field] = { file, sample, url: URL.createObjectURL(file) };
  const missing = state.form.files.findIndex((_, index) => !state.chosen[index]);
  state.field = missing < 0 ? state.field : missing;
  state.asked = null;
  draw();
  if (missing < 0 && state.form.extras.length === 0) await send();
}

function exactSize(bytes, limit) {
  // rounded to the limit itself it would read as a contradiction
  return size(bytes) === size(limit) ? `${bytes} B` : size(bytes);
}

async function insertIntoJson(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  const box = find("json");
  let body;
  try {
    body = JSON.parse(box.value);
  } catch {
    body = {};
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) body = {};
  const names = Object.keys(body);
  const [input] = state.service.models[0].inputs;
  const name = names.includes(input) ? input : names.find((key) => typeof body[key] === "string") ?? input;
  box.value = JSON.stringify({ ...body, [name]: btoa(binary) }, null, 2);
  drawCommands();
}

async function chooseSample({ name, url }) {
  const response = await fetch(url);
  const content = await response.blob();
  await choose([new File([content], name, { type: content.type })], url);
}

// --- asking ---------------------------------------------------------------------------------------------------------

async function send() {
  const { models } = state.service;
  const isJson = state.form.kind === "json";
  const question = { files: state.chosen.map(({ file }) => file), extras: extras(), json: isJson ? find("json").value : null };
  if (!canSend(question) || !(await areReadable(question.files))) return;
  const since = performance.now();
  const asked = { chosen: [...state.chosen], json: question.json, results: models.map(() => ({ isWaiting: true, since })) };
  state.asked = asked;
  state.sendAgain = false;
  const ticking = setInterval(() => drawAnswers({ onlyWaiting: true }), 1000);
  draw();
  // on a phone the answer is below the picture
  find("results").scrollIntoView({ block: "nearest" });
  await Promise.all(models.map((model, index) => askOne(model, index, question, asked)));
  clearInterval(ticking);
  remember(asked);
  draw();
  // another picture may have been chosen meanwhile
  if (state.asked === asked) find("spoken").textContent = spokenText(models, asked.results);
}

async function askOne(model, index, question, asked) {
  const result = await ask(model, question, { header: find("token-header").value, value: find("token").value });
  if (result.status === 401) find("token-part").hidden = false;
  if (result.status === 0 || result.status === 503) {
    result.health = await askHealth(model.name);
    if (result.health === "warming" || result.health === "restarting") state.sendAgain = true;
    watchHealth();
  }
  asked.results[index] = result;
  drawAnswers();
}

/** Tells whether every file can be read: it may be a folder, or be gone since it was chosen. */
async function areReadable(files) {
  for (const file of files) {
    if (await isReadable(file)) continue;
    say("e_file", { name: file.name });
    return false;
  }
  return true;
}

function canSend(question) {
  if (question.json !== null) {
    try {
      JSON.parse(question.json);
    } catch (error) {
      say("not_json", { reason: error.message });
      return false;
    }
    return true;
  }
  const missing = whatIsMissing();
  if (missing) say(missing.key, missing.values);
  return missing === null;
}

function remember(asked) {
  // it is sent again when the service knows who asks
  if (asked.results.every(({ status }) => status === 401)) return;
  const isSame = (other) => other.json === asked.json && other.chosen.every((one, index) => one.url === asked.chosen[index]?.url);
  state.history = [asked, ...state.history.filter((other) => !isSame(other))];
  const gone = state.history.splice(KEPT).flatMap(({ chosen }) => chosen);
  const used = new Set(state.history.flatMap(({ chosen }) => chosen).map(({ url }) => url));
  for (const { url } of gone) if (!used.has(url)) URL.revokeObjectURL(url);
}

/** Asks for the service's health until it is well; then sends what met a service that was not warm. */
async function watchHealth() {
  if (state.isWatching) return;
  state.isWatching = true;
  for (;;) {
    state.health = await askHealth();
    drawHealth();
    if (state.health === "healthy" || state.health === "failed") break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  state.isWatching = false;
  if (state.sendAgain) await send();
}

// --- listening ------------------------------------------------------------------------------------------------------

function listen() {
  find("choose").addEventListener("click", () => find("file").click());
  find("stage").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", async ({ target }) => {
    const files = [...target.files];
    target.value = ""; // so that the same file can be chosen again
    if (files.length > 0) await choose(files);
  });
  find("question").addEventListener("submit", (event) => {
    event.preventDefault();
    say(null);
    send();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && document.activeElement === document.body) find("question").requestSubmit();
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0 && event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    if (files.length > 0) choose(files);
    else say("no_picture_pasted");
  });
  listenToDrops();
  const preview = find("preview");
  preview.addEventListener("load", () => showsPreview({ width: preview.naturalWidth, height: preview.naturalHeight }));
  preview.addEventListener("error", () => showsPreview({ isHidden: true }));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      setLanguage(button.dataset.language, true);
      draw();
      drawStatus();
    });
  }
  for (const id of ["json", "token-header"]) find(id).addEventListener("input", drawCommands);
  for (const id of ["samples", "history"]) walkWithArrows(find(id));
}

function listenToDrops() {
  let depth = 0; // of the elements that the pointer is over: each tells of its own
  const over = (step) => (event) => {
    event.preventDefault();
    depth += step;
    document.body.classList.toggle("dropping", depth > 0);
  };
  document.addEventListener("dragenter", over(1));
  document.addEventListener("dragleave", over(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    depth = 1;
    over(-1)(event);
    const files = [...event.dataTransfer.files];
    if (files.length > 0) choose(files);
    else say("no_picture_dropped");
  });
}

/** Keeps what the browser found out about the picture that is shown. */
function showsPreview(found) {
  const shown = state.chosen.find((one) => one?.url === find("preview").src);
  if (!shown) return;
  Object.assign(shown, found);
  drawQuestion();
  drawHistory();
}

function makeSamples() {
  const buttons = state.service.samples.map((sample) => {
    const kind = sample.name.replace(/\.\w+$/, "");
    const button = element("button", { type: "button", title: kind }, element("img", { src: sample.url, alt: kind, width: 64, height: 64 }));
    button.addEventListener("click", () => chooseSample(sample));
    return button;
  });
  find("samples").replaceChildren(...buttons);
  find("samples-note").hidden = !state.service.models.some((model) => model.knows_samples === false);
}

async function start() {
  setLanguage(preferredLanguage());
  try {
    state.service = await (await fetch("/page/service.json")).json();
  } catch {
    setTimeout(start, PAUSE_MS);
    return;
  }
  state.form = formOf(state.service.models[0]);
  if (state.form.kind === "json") find("json").value = JSON.stringify(state.form.example, null, 2);
  makeSamples();
  makeExtras(drawCommands);
  listen();
  draw();
  watchHealth();
  if (state.service.status) watchStatus(state.service.status);
}

start();
