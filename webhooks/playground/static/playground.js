// The playground's pages: acting, reacting, editing, and following what changes. No library, no build.
"use strict";

const body = document.body;
const person = body.dataset.person;
const repository = body.dataset.repository;
const thread = document.getElementById("thread");
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---------------------------------------------------------------- talking to the playground

async function send(method, path, fields) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (fields !== undefined) options.body = JSON.stringify(fields);
  const answer = await fetch(path, options);
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.errors?.[0]?.message || data.message || `HTTP ${answer.status}`);
  return data;
}

const act = (verb, fields) => send("POST", "/playground/act", { as: person, do: verb, ...fields });

let toastTimer;
function toast(text) {
  const box = $(".toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 5000);
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    toast(error.message);
  }
}

// ---------------------------------------------------------------- times

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

function showTimes(root = document) {
  for (const time of $$("time[datetime]", root)) {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    const unit = units.find(([, size]) => Math.abs(seconds) >= size);
    time.title = at.toLocaleString();
    time.textContent = unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : "just now";
  }
}

// ---------------------------------------------------------------- following changes

let revision = Number(body.dataset.revision);
let behind = false;

async function follow() {
  try {
    const now = (await send("GET", "/playground/revision")).revision;
    if (now !== revision || behind) {
      revision = now;
      await refresh();
    }
    if (thread) await showLearned();
  } catch {
    // The playground is restarting: the next look will tell.
  }
  setTimeout(follow, document.hidden ? 4000 : 900);
}

async function refresh() {
  if (thread) {
    const page = new DOMParser().parseFromString(await (await fetch(`${location.pathname}?part=thread`)).text(), "text/html");
    behind = merge(page);
    $("#deliveries").innerHTML = await (await fetch("/side")).text();
  } else if ($("[data-reload-on-change]")) {
    location.reload();
  }
  showTimes();
}

// Replaces what changed and keeps what is being used: open menus, editors and folds. True: something had to wait.
function merge(page) {
  for (const part of [".issue-head", ".steps"]) $(part, thread).innerHTML = $(part, page).innerHTML;
  const timeline = $(".timeline", thread);
  let waiting = false;
  const fresh = $$(".post", page);
  const ids = new Set(fresh.map((post) => post.id));
  for (const post of $$(".post", timeline)) if (!ids.has(post.id)) post.remove();
  for (const post of fresh) {
    const here = document.getElementById(post.id);
    if (!here) {
      post.classList.add("fresh");
      timeline.append(post);
    } else if (here.dataset.version !== post.dataset.version) {
      if ($(".menu[open]", here) || $(".editor:not([hidden])", here)) {
        waiting = true;
        continue;
      }
      const open = $$(".body details", here).map((fold) => fold.open);
      const focused = here.contains(document.activeElement) ? document.activeElement : null;
      $$(".body details", post).forEach((fold, index) => (fold.open = open[index] ?? fold.open));
      if ($(".body", here).innerHTML !== $(".body", post).innerHTML) post.classList.add("fresh");
      here.replaceWith(post);
      if (focused) ($(`.chip[data-react="${focused.dataset.react}"], summary[aria-label="${focused.ariaLabel}"]`, post) || $(".round", post))?.focus();
    }
  }
  $("#thinking")?.remove();
  const thinking = $("#thinking", page);
  if (thinking) timeline.append(thinking);
  return waiting;
}

// ---------------------------------------------------------------- what the bot learned

let learnedBefore = "";

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
  if (change.at) meta.append(element("time", { datetime: change.at }));
  if (undoable) meta.append(element("button", { type: "button", class: "link", "data-forget": change.phrase_id, "aria-label": `Undo: ${change.label || change.text}` }, "undo"));
  item.append(meta);
  return item;
}

async function showLearned() {
  const box = $("#learned");
  const answer = await fetch(`/playground/learned?repository_id=${body.dataset.repositoryId}`);
  const text = await answer.text();
  if (text === learnedBefore) return;
  const first = learnedBefore === "";
  learnedBefore = text;
  const known = new Set($$("[data-lesson]", box).map((item) => item.dataset.lesson));
  if (!answer.ok) {
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

// ---------------------------------------------------------------- what people press

function editor(post, open) {
  const form = $(".editor", post);
  form.hidden = !open;
  $(".body", post).hidden = open;
  $(".reactions", post).hidden = open;
  if (open) {
    const area = $("textarea", form);
    area.style.height = `${Math.min(520, Math.max(140, area.scrollHeight + 4))}px`;
    area.focus();
  }
}

const presses = {
  theme() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  },
  "start-edit": (button) => editor(button.closest(".post"), true),
  "cancel-edit": (button) => editor(button.closest(".post"), false),
  quote(button) {
    const area = $("#new-comment");
    const text = $(".body", button.closest(".post")).innerText.trim();
    area.value += `${text.split("\n").map((line) => `> ${line}`).join("\n")}\n\n`;
    area.focus();
  },
  delete(button) {
    const { node } = button.closest(".post").dataset;
    if (confirm("Delete this comment?")) attempt(() => act("delete", { node }).then(refresh));
  },
  close: () => attempt(() => act("close", { node: thread.dataset.node }).then(() => location.reload())),
  write: () => tab("write"),
  preview: () => attempt(() => tab("preview")),
  behave: () => attempt(() => send("DELETE", "/playground/misbehave").then(() => location.reload())),
  "close-dialog": () => $(".dialog").close(),
};

// What was pressed last is what is shown: a preview may come late, and of a text that is no longer there.
async function tab(name) {
  const area = $("#new-comment");
  const shown = $(".preview");
  for (const each of $$(".write-tabs [role=tab]")) each.setAttribute("aria-selected", String(each.dataset.do === name));
  area.hidden = name === "preview";
  shown.hidden = name !== "preview";
  if (shown.hidden) return;
  const text = area.value;
  const html = await (await fetch("/preview", { method: "POST", body: text || "Nothing to preview." })).text();
  if (area.value === text) shown.innerHTML = html;
}

async function showHistory(button) {
  const { node } = button.closest(".post").dataset;
  const dialog = $(".dialog");
  dialog.innerHTML = await (await fetch(`/history?node=${encodeURIComponent(node)}&revision=${button.dataset.history}`)).text();
  showTimes(dialog);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  for (const menu of $$(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  const button = event.target.closest("button");
  if (!button) return;
  const data = button.dataset;
  const menu = button.closest(".menu");
  if (menu) {
    menu.open = false;
    $("summary", menu).focus();
  }
  if (data.do) presses[data.do]?.(button);
  else if (data.person) {
    document.cookie = `playground_person=${encodeURIComponent(data.person)}; path=/; max-age=31536000; samesite=strict`;
    if ($("#new-comment")?.value) sessionStorage.setItem("draft", $("#new-comment").value);
    location.reload();
  } else if (data.react) attempt(() => act("react", { node: button.closest(".post").dataset.node, content: data.react }).then(refresh));
  else if (data.history) attempt(() => showHistory(button));
  else if (data.redact) attempt(() => act("redact", { node: data.node, revision: data.redact }).then(() => $(".dialog").close()).then(refresh));
  else if (data.redeliver) attempt(() => send("POST", `/playground/deliveries/${data.redeliver}/redeliver`).then(() => (thread ? refresh() : setTimeout(() => location.reload(), 400))));
  else if (data.forget) attempt(() => send("POST", `/playground/phrases/${data.forget}/forget`).then(() => toast("Forgotten.")).then(showLearned));
  else if (data.fill) {
    $("#new-comment").value = data.fill;
    $("#new-comment").focus();
  }
});

// The arrows go through the items of an open menu, from its button on, and through tabs.
function walk(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const group = event.target.closest(".menu[open], [role=tablist]");
  if (!group || !(step || event.key === "Home" || event.key === "End")) return;
  const items = $$("[role^=menuitem], .popover > a, [role=tab]", group);
  const here = items.indexOf(event.target);
  const to = step ? Math.max(here, step < 0 ? 0 : -1) + step : event.key === "Home" ? 0 : -1;
  const item = items.at(to % items.length);
  event.preventDefault();
  item.focus();
  if (item.role === "tab") item.click();
}

document.addEventListener("keydown", (event) => {
  walk(event);
  if (event.key === "Escape") {
    for (const menu of $$(".menu[open]")) {
      menu.open = false;
      $("summary", menu).focus();
    }
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const submit = $("[type=submit]", form);
  const fields = Object.fromEntries(new FormData(form));
  submit.disabled = true;
  attempt(async () => {
    if (form.matches(".comment-box")) {
      await act("say", { repository, number: Number(thread.dataset.number), body: fields.body });
      form.reset();
      await tab("write");
      await refresh();
    } else if (form.matches(".editor")) {
      const post = form.closest(".post");
      await act("edit", { node: post.dataset.node, body: fields.body.replaceAll("\r\n", "\n") });
      editor(post, false);
      await refresh();
    } else if (form.matches(".new-issue")) {
      const made = await act("open", { repository, ...fields });
      location.href = new URL(made.html_url).pathname;
    } else if (form.matches(".misbehave-form")) {
      await send("POST", "/playground/misbehave", { kind: fields.kind, times: Number(fields.times), seconds: Number(fields.seconds) });
      location.reload();
    }
  }).finally(() => (submit.disabled = false));
});

const draft = sessionStorage.getItem("draft");
if (draft && $("#new-comment")) {
  $("#new-comment").value = draft;
  sessionStorage.removeItem("draft");
}
if (location.hash.startsWith("#delivery-")) $(location.hash)?.setAttribute("open", "");
showTimes();
setInterval(showTimes, 30000);
follow();
