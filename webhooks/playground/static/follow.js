// Following changes: what happens elsewhere shows up here, and what is in use stays.
"use strict";

const deliveries = document.getElementById("all-deliveries");
const list = $("[data-reload-on-change]");
let revision = Number(body.dataset.revision);
let behind = false;
let refreshes = 0;

// Looks again and again, however a look ends.
async function follow(look) {
  await attempt(look);
  setTimeout(follow, document.hidden ? 4000 : 900, look);
}

async function lookForChanges() {
  const now = (await send("GET", "/playground/revision")).revision;
  if (now !== revision || behind) await refresh();
}

// Shows the page as it is now, to the person of this tab. Of two at the same time the one that was asked for last counts.
async function refresh() {
  if (list) {
    if (!$(".menu[open]")) location.reload();
    return;
  }
  const mine = ++refreshes;
  const page = parsed(await read(`${location.pathname}?as=${encodeURIComponent(person)}`));
  if (mine !== refreshes) return;
  if (thread) behind = merge(page);
  else mergeDeliveries(page);
  revision = Number(page.body.dataset.revision);
  showTimes();
}

// Replaces what changed and keeps what is being used: open menus, editors and folds. True: something had to wait.
function merge(page) {
  for (const part of [".issue-head", ".steps", "#deliveries", ".participants", ".closing"]) {
    if ($(part).innerHTML !== $(part, page).innerHTML) $(part).innerHTML = $(part, page).innerHTML;
  }
  const timeline = $(".timeline", thread);
  let waiting = false;
  const fresh = $$(".post", page);
  const ids = new Set(fresh.map((post) => post.id));
  for (const post of $$(".post", timeline)) {
    if (ids.has(post.id)) continue;
    if (halfWritten(post)) waiting = true;
    else post.remove();
  }
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

function mergeDeliveries(page) {
  const fresh = [...$("#all-deliveries", page).children];
  const ids = new Set(fresh.map((row) => row.id));
  for (const row of [...deliveries.children]) if (!ids.has(row.id)) row.remove();
  for (const row of fresh.reverse()) {
    const here = document.getElementById(row.id);
    if (!here) deliveries.prepend(row);
    else if (here.dataset.status !== row.dataset.status) {
      row.open = here.open;
      here.replaceWith(row);
    }
  }
}
