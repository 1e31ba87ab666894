// What the playground's scripts share: the page's elements, talking to the server, saying what went wrong, times.
"use strict";

const body = document.body;
const person = body.dataset.person;
const repository = body.dataset.repository;
const thread = document.getElementById("thread");
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

async function request(path, options) {
  try {
    const answer = await fetch(path, options);
    return { ok: answer.ok, status: answer.status, text: await answer.text() };
  } catch {
    throw new Error("The playground does not answer: is it still running?");
  }
}

async function send(method, path, fields) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (fields !== undefined) options.body = JSON.stringify(fields);
  const answer = await request(path, options);
  const data = answer.text.startsWith("{") ? JSON.parse(answer.text) : {};
  if (!answer.ok) throw new Error(data.errors?.[0]?.message || data.message || `HTTP ${answer.status}`);
  return data;
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

// A page's HTML; for an error page, what it says is thrown.
async function read(path, options) {
  const answer = await request(path, options);
  if (!answer.ok) throw new Error($("h1", parsed(answer.text))?.textContent || `HTTP ${answer.status}`);
  return answer.text;
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

// Says what went wrong. What belongs to one form or button is under way once: pressed again meanwhile, nothing happens.
const underWay = new WeakSet();
async function attempt(work, of = {}) {
  if (underWay.has(of)) return;
  underWay.add(of);
  try {
    await work();
  } catch (error) {
    toast(error.message);
  } finally {
    underWay.delete(of);
  }
}

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
