// What the page does on top of its links and forms: live figures, filtering while typing, actions without a new page.
"use strict";

const INTERVAL = 2000;
const table = document.getElementById("processes");
const control = document.getElementById("control");
const search = document.getElementById("q");
const message = document.getElementById("message");
const live = document.getElementById("live");
const rows = new Map();
const cpu = new Map(); // name: microseconds of CPU when last told
let toldAt = 0; // microseconds of the daemon's clock

document.documentElement.classList.add("scripted");
for (const row of table.querySelectorAll("tr.process")) {
  rows.set(row.dataset.name, {
    row,
    state: row.className.replace("process", "").trim(),
    badge: row.querySelector(".badge"),
    description: row.querySelector(".description bdi"),
    memory: row.querySelector(".memory"),
    cpu: row.querySelector(".cpu"),
    restarts: row.querySelector(".restarts"),
    start: row.querySelector("[name=start]"),
    restart: row.querySelector("[name=restart]"),
    stop: row.querySelector("[name=stop]"),
  });
}

// --- filtering

function matches(name, state, words) {
  const text = `${name} ${state}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function filter() {
  const query = search.value.trim();
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [name, entry] of rows) {
    entry.row.hidden = !matches(name, entry.state, words);
    shown += !entry.row.hidden;
  }
  for (const body of table.tBodies) body.hidden = !body.querySelector("tr.process:not([hidden])");
  for (const chip of document.querySelectorAll(".chip")) {
    if (chip.dataset.state === query) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
  }
  document.getElementById("nothing").hidden = shown > 0 || rows.size === 0;
  table.hidden = shown === 0;
  control.elements.q.value = query;
}

function remember() {
  const query = search.value.trim();
  history.replaceState(null, "", query ? `./?q=${encodeURIComponent(query)}` : "./");
}

search.addEventListener("input", () => { filter(); remember(); });
search.form.addEventListener("submit", (event) => event.preventDefault());
for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", (event) => {
    event.preventDefault();
    search.value = chip.dataset.state;
    filter();
    remember();
  });
}

// --- live figures

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showCpu(entry, name, text, usec, elapsed) {
  const before = cpu.get(name);
  cpu.set(name, usec);
  if (!text || before === undefined || usec < before || elapsed <= 0) {
    if (!text || before === undefined) setText(entry.cpu, text);
    return;
  }
  const share = (100 * (usec - before)) / elapsed;
  const small = document.createElement("small");
  small.textContent = text;
  entry.cpu.replaceChildren(`${share.toFixed(share < 10 ? 1 : 0)} % `, small);
}

function showState(entry, state) {
  if (entry.state === state) return;
  entry.state = state;
  entry.row.className = `process ${state}`;
  entry.badge.textContent = state;
  entry.start.hidden = !["stopped", "exited", "fatal"].includes(state);
  entry.restart.hidden = state !== "running";
  entry.stop.hidden = !["running", "starting", "backoff"].includes(state);
}

function showCounts() {
  const counts = {};
  for (const entry of rows.values()) counts[entry.state] = (counts[entry.state] || 0) + 1;
  for (const chip of document.querySelectorAll(".chip")) {
    const count = chip.dataset.state ? counts[chip.dataset.state] || 0 : rows.size;
    setText(chip.querySelector("b"), String(count));
    chip.hidden = count === 0 && chip.dataset.state !== "" && chip.dataset.state !== search.value.trim();
  }
  for (const body of table.tBodies) {
    const all = body.querySelectorAll("tr.process");
    const running = body.querySelectorAll("tr.process.running");
    setText(body.querySelector("tr.group small"), `${running.length} of ${all.length} running`);
  }
}

function show(status) {
  const names = status.processes.map((process) => process[0]);
  if (status.assets !== document.body.dataset.assets || names.length !== rows.size ||
      names.some((name) => !rows.has(name))) {
    // Should that not help, then not again and again.
    if (performance.now() > 4 * INTERVAL) location.reload();
    return;
  }
  control.elements.token.value = status.token;
  const elapsed = toldAt ? status.at - toldAt : 0;
  for (const [name, state, description, memory, cpuText, restarts, usec] of status.processes) {
    const entry = rows.get(name);
    showState(entry, state);
    setText(entry.description, description);
    setText(entry.memory, memory);
    setText(entry.restarts, restarts);
    // The same reading may be told twice.
    if (!toldAt || elapsed > 0) showCpu(entry, name, cpuText, usec, elapsed);
  }
  toldAt = status.at;
  showCounts();
  filter();
}

let polling = null;

async function fetchStatus() {
  try {
    const response = await fetch("status.json", { cache: "no-store" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    show(await response.json());
    live.textContent = "Live";
    live.classList.remove("lost");
  } catch {
    live.textContent = "No connection";
    live.classList.add("lost");
  }
  live.hidden = false;
}

// One at a time; whoever asks meanwhile waits for the one under way.
function poll() {
  polling ??= fetchStatus().finally(() => { polling = null; });
  return polling;
}

async function keepPolling() {
  if (!document.hidden) await poll();
  setTimeout(keepPolling, INTERVAL);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
document.getElementById("refresh").addEventListener("click", (event) => {
  event.preventDefault();
  poll();
});

// --- actions

function tell(text) {
  message.textContent = text;
  message.hidden = false;
  message.classList.toggle("problem", /^(ERROR|unexpected|No such|Could not)/.test(text));
}

function send(name, value) {
  return fetch("./", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams([["token", control.elements.token.value], [name, value]]),
  });
}

async function act(name, value) {
  try {
    let response = await send(name, value);
    if (response.status === 403) {
      // The daemon was started again since the page was made, and has new tokens.
      await poll();
      response = await send(name, value);
    }
    const isMessage = response.headers.get("Content-Type") === "application/json";
    if (!isMessage) throw new Error(`HTTP ${response.status}`);
    tell((await response.json()).message);
  } catch (error) {
    tell(`Could not reach the daemon: ${error.message}`);
  }
}

function sure(question, label) {
  const dialog = document.getElementById("ask");
  document.getElementById("question").textContent = question;
  document.getElementById("sure").textContent = label;
  dialog.showModal();
  // Not the event "close", which comes late: maybe when the next question is there already.
  return new Promise((resolve) => {
    dialog.querySelector("form").onsubmit = (event) => resolve(event.submitter.value === "yes");
    dialog.oncancel = () => resolve(false);
  });
}

control.addEventListener("submit", async (event) => {
  const button = event.submitter;
  event.preventDefault();
  if (button.dataset.ask && !(await sure(button.dataset.ask, button.textContent))) return;
  const row = button.closest("tr");
  button.disabled = true;
  row?.classList.add("busy");
  const done = act(button.name, button.value);
  // What began shows before it is done.
  poll();
  await done;
  await poll();
  button.disabled = false;
  row?.classList.remove("busy");
});

if (message.textContent) tell(message.textContent);
filter();
keepPolling();
