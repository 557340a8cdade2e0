// How the service does at this moment: asked for every two seconds while somebody can see it.

import { element, find, size } from "./dom.js";
import { words } from "./messages.js";

const PAUSE_MS = 2000;
let path = null; // where it is asked for
let known = null; // what was answered

/** Begins to show the block. */
export async function watchStatus(statusPath) {
  path = statusPath;
  find("status").addEventListener("toggle", refresh);
  document.addEventListener("visibilitychange", refresh);
  await refresh();
  setInterval(refresh, PAUSE_MS);
}

async function refresh() {
  if (document.hidden || !find("status").open) return;
  try {
    const response = await fetch(path, { cache: "no-store", credentials: "omit" });
    if (!response.ok) return;
    known = await response.json();
  } catch {
    return; // the head of the page tells that nobody answers
  }
  drawStatus();
}

/** Draws what was heard last, in the language that is chosen. */
export function drawStatus() {
  if (known === null) return;
  find("status-part").hidden = false;
  const isAlone = known.models.length === 1;
  find("status-body").replaceChildren(...known.models.flatMap((model) => blockOf(model, isAlone)));
}

function blockOf(model, isAlone) {
  const workers = Object.values(model.workers).reduce((sum, count) => sum + count, 0);
  const facts = [
    ["s_now", `${model.in_flight - model.waiting} · ${model.waiting}`],
    ["s_answered", model.answered],
    ["s_refused", model.refused],
    ["s_turned_away", model.turned_away],
    ["s_failed", model.failed],
    ["s_p50", milliseconds(model.p50_ms)],
    ["s_p99", milliseconds(model.p99_ms)],
    ["s_batch", model.mean_batch === null ? "–" : model.mean_batch.toFixed(1)],
    ["s_workers", `${model.workers.healthy ?? 0} / ${workers}`],
    ["s_restarts", model.restarts],
    ["s_memory", model.memory_bytes === null ? "–" : size(model.memory_bytes)],
  ];
  return [
    isAlone ? null : element("h4", { textContent: model.name }),
    element("dl", { class: "status" }, ...facts.map(([key, value]) => fact(key, value))),
    model.reason ? element("p", { class: "reason", textContent: model.reason }) : null,
  ].filter((part) => part !== null);
}

function fact(key, value) {
  const shown = element("dd", { textContent: String(value) });
  shown.dataset.fact = key;
  return element("div", {}, element("dt", { textContent: words[key] }), shown);
}

function milliseconds(value) {
  return value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
