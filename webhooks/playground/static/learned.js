// The side panel: what the bot learned just now, from whom, and undo.
"use strict";

let learnedBefore = "";
let learnedLooks = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function meter(before, after) {
  const at = (weight) => 4 + ((Math.max(-1, Math.min(1, weight)) + 1) / 2) * 92;
  const tone = after >= 0 ? "good" : "bad";
  const svg = `<svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true"><line class="axis" x1="4" x2="96" y1="7" y2="7"/>
    <line class="zero" x1="50" x2="50" y1="3" y2="11"/><line class="move ${tone}" x1="${at(before)}" x2="${at(after)}" y1="7" y2="7"/>
    <rect class="was" x="${at(before) - 1}" y="3" width="2" height="8"/><rect class="${tone}" x="${at(after) - 1.5}" y="2" width="3" height="10"/></svg>`;
  const row = element("div", { class: "meter", role: "img", "aria-label": `weight ${before.toFixed(2)}, now ${after.toFixed(2)}` });
  row.innerHTML = svg;
  row.prepend(before.toFixed(2));
  row.append(element("b", {}, after.toFixed(2)));
  return row;
}

// Text with `code` in backticks, without ever reading it as HTML.
function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function lesson(change, undoable) {
  const item = element("div", { class: "lesson", "data-lesson": change.id });
  item.append(element("div", { class: "lesson-text" }, ...withCode(change.label || change.text)));
  item.append(meter(Number(change.before), Number(change.after)));
  const meta = element("div", { class: "lesson-meta" });
  for (const proof of (change.evidence || []).slice(0, 3)) {
    const link = element("a", {}, `${proof.login}: ${proof.what}`);
    if (/^https?:\/\//.test(proof.url)) link.href = proof.url;
    meta.append(link);
  }
  if (!meta.children.length && Number(change.after) === 0) meta.append("taken back");
  if (change.at) meta.append(element("time", { datetime: change.at }));
  if (undoable) meta.append(element("button", { type: "button", class: "link", "data-forget": change.phrase_id, "aria-label": `Undo: ${change.label || change.text}` }, "undo"));
  item.append(meta);
  return item;
}

async function showLearned() {
  const box = $("#learned");
  const mine = ++learnedLooks;
  const { ok, text } = await request(`/playground/learned?repository_id=${body.dataset.repositoryId}`);
  if (mine !== learnedLooks || text === learnedBefore) return;
  const first = learnedBefore === "";
  learnedBefore = text;
  const known = new Set($$("[data-lesson]", box).map((item) => item.dataset.lesson));
  if (!ok) {
    box.replaceChildren(element("p", { class: "muted small" }, JSON.parse(text).message || "Thumbprint does not answer."));
    return;
  }
  const changes = JSON.parse(text);
  if (!changes.length) box.replaceChildren(element("p", { class: "muted small" }, "Nothing yet. Correct a line of an answer, or press a thumb."));
  else {
    // Only what a phrase weighs now can be undone: its newest change, unless that was the undoing.
    const seen = new Set();
    const newest = (change) => !seen.has(change.phrase_id) && seen.add(change.phrase_id) && Number(change.after) !== 0;
    box.replaceChildren(...changes.map((change) => lesson(change, newest(change))));
  }
  if (!first) for (const item of $$("[data-lesson]", box)) item.classList.toggle("new", !known.has(item.dataset.lesson));
  showTimes(box);
}
