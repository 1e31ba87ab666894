// What people press, write and send on the playground's pages. No library, no build.
"use strict";

// Whether somebody changed a text in this post's open editor.
const halfWritten = (post) => $$(".editor:not([hidden]) textarea", post).some((area) => area.value !== area.defaultValue);

function editor(post, open) {
  const form = $(".editor", post);
  form.reset();
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
    const text = $(".body", button.closest(".post")).innerText.trim();
    write(`${text.split("\n").map((line) => `> ${line}`).join("\n")}\n\n`);
  },
  delete(button) {
    const { node } = button.closest(".post").dataset;
    if (confirm("Delete this comment?")) attempt(() => act("delete", { node }).then(refresh));
  },
  close: (button) => attempt(() => act("close", { node: thread.dataset.node, on: button.dataset.on === "true" }).then(refresh), button),
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
  shown.replaceChildren();
  const html = await read("/preview", { method: "POST", body: text || "Nothing to preview." });
  if (area.value === text) shown.innerHTML = html;
}

// Puts a text into the comment box, after what is there.
function write(text) {
  const area = $("#new-comment");
  tab("write");
  area.value = area.value.trim() ? `${area.value.trimEnd()}\n\n${text}` : text;
  area.focus();
}

async function showHistory(button) {
  const { node } = button.closest(".post").dataset;
  const dialog = $(".dialog");
  dialog.innerHTML = await read(`/history?node=${encodeURIComponent(node)}&revision=${button.dataset.history}`);
  showTimes(dialog);
  if (!dialog.open) dialog.showModal();
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
    location.reload();
  } else if (data.react) {
    const on = (button.ariaPressed ?? button.ariaChecked) !== "true";
    attempt(() => act("react", { node: button.closest(".post").dataset.node, content: data.react, on }).then(refresh));
  } else if (data.tick || "hide" in data) {
    const post = button.closest(".post");
    const { node } = post.dataset;
    const was = $("textarea", post)?.defaultValue;
    attempt(() => (data.tick ? act("tick", { node, number: Number(data.tick), was }) : act("minimise", { node, reason: data.hide })).then(refresh), button);
  } else if (data.history) attempt(() => showHistory(button));
  else if (data.redact) attempt(() => act("redact", { node: data.node, revision: data.redact }).then(() => $(".dialog").close()).then(refresh), button);
  else if (data.redeliver) attempt(() => send("POST", `/playground/deliveries/${data.redeliver}/redeliver`).then(refresh), button);
  else if (data.forget) attempt(() => send("POST", `/playground/phrases/${data.forget}/forget`).then(() => toast("Forgotten.")).then(showLearned), button);
  else if (data.fill && !$("#new-comment").value.includes(data.fill)) write(data.fill);
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
  if (event.target.hasAttribute("action")) return; // it goes its own way, as a page does
  event.preventDefault();
  const form = event.target;
  const submit = $("[type=submit]", form);
  const fields = Object.fromEntries(new FormData(form));
  attempt(async () => {
    submit.disabled = true;
    if (form.matches(".comment-box")) {
      const area = $("#new-comment");
      const sent = area.value;
      await act("say", { repository, number: Number(thread.dataset.number), body: sent });
      if (area.value === sent) form.reset();
      await tab("write");
      await refresh();
    } else if (form.matches(".editor")) {
      const post = form.closest(".post");
      const area = $("textarea", form);
      await act("edit", { node: post.dataset.node, body: area.value, was: area.defaultValue });
      editor(post, false);
      await refresh();
    } else if (form.matches(".new-issue")) {
      const made = await act("open", { repository, ...fields });
      form.reset();
      location.href = new URL(made.html_url).pathname;
    } else if (form.matches(".edit-file")) {
      const { path, was } = form.dataset;
      await act("write", { repository, path, was, text: fields.text });
      location.href = fields.text ? `/${repository}/blob/main/${path}` : `/${repository}/issues`;
    } else if (form.matches(".misbehave-form")) {
      await send("POST", "/playground/misbehave", { kind: fields.kind, times: Number(fields.times), seconds: Number(fields.seconds) });
      location.reload();
    }
  }, form).finally(() => (submit.disabled = false));
});

// What is half written stays: a comment or a new issue is kept for the tab's next visit, an edit asks before it goes.
const drafts = $$("#new-comment, .new-issue [name]");
const draftOf = (field) => `draft ${location.pathname} ${field.id}`;
for (const field of drafts) field.value = sessionStorage.getItem(draftOf(field)) ?? field.value;
addEventListener("pagehide", () => drafts.forEach((field) => sessionStorage.setItem(draftOf(field), field.value)));
addEventListener("beforeunload", (event) => $$(".post").some(halfWritten) && event.preventDefault());

if (location.hash.startsWith("#delivery-")) $(location.hash)?.setAttribute("open", "");
showTimes();
setInterval(showTimes, 30000);
if (thread) follow(showLearned);
if (thread || list || deliveries) follow(lookForChanges);
