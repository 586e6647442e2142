// Follows the log in place.
"use strict";

const LIMIT = 512 * 1024; // characters kept on the page
const button = document.getElementById("follow");
const log = document.getElementById("log");
let following = null;

function append(text) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(text);
  let excess = log.textContent.length - LIMIT;
  while (excess > 0 && log.childNodes.length > 1) {
    excess -= log.firstChild.length;
    log.firstChild.remove();
  }
  if (atEnd) log.scrollTop = log.scrollHeight;
}

async function follow() {
  following = new AbortController();
  button.setAttribute("aria-pressed", "true");
  button.textContent = "Following";
  try {
    const response = await fetch(button.dataset.path, { signal: following.signal, cache: "no-store" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    // It begins with the last kilobyte, which is here already.
    log.textContent = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) append(piece.value);
  } catch (error) {
    if (error.name !== "AbortError") append(`\n[${error.message}]\n`);
  }
  following = null;
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Follow";
}

button.hidden = false;
button.addEventListener("click", () => { if (following) following.abort(); else follow(); });
log.scrollTop = log.scrollHeight;
