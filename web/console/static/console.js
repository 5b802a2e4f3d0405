// The live parts: an element with data-live asks for itself anew every few seconds, unless nobody looks at the page,
// somebody works in that part, or the page was left. Everything else works without this file.
"use strict";

const busy = (part) => part.contains(document.activeElement) || part.querySelector("input:checked, details[open]");

// While the server is away one part alone asks, ever more seldom, and not all browsers at the same moment.
const FIRST_PAUSE = 8000, LONGEST_PAUSE = 60000;
const parts = () => [...document.querySelectorAll("[data-live]")];
let awaySince = null, pause = FIRST_PAUSE, nextTry = 0;

function refresh(part) {
  part.dataset.due = Date.now() + 1000 * Number(part.dataset.live);
  htmx.trigger(part, "refresh");
}

function sayHowLive(live) {
  const said = document.getElementById("live");
  if (!said || !live.length) return;
  const stopped = live.some((part) => busy(part));
  const since = awaySince?.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const text = since ? `not live since ${since}` : stopped ? "live · paused where something is open or selected"
    : `live · ${Math.min(...live.map((part) => Number(part.dataset.live)))} s`;
  if (said.textContent !== text) said.textContent = text;
  said.classList.toggle("away", Boolean(since));
}

setInterval(() => {
  const live = parts();
  sayHowLive(live);
  if (document.hidden || !live.length) return;
  if (awaySince) {
    if (Date.now() < nextTry) return;
    nextTry = Date.now() + pause * (1 + Math.random() / 4);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
    refresh(live[0]);
    return;
  }
  for (const part of live) {
    const due = Number(part.dataset.due || 0);
    if (due === 0) part.dataset.due = Date.now() + 1000 * Number(part.dataset.live);
    else if (Date.now() >= due && !busy(part)) refresh(part);
  }
}, 500);

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.requestConfig.elt.matches("[data-live]")) return;  // what asked; by now another may be in its place
  const { status } = event.detail.xhr;
  if (status >= 200 && status < 500) {
    if (awaySince) for (const part of parts()) part.dataset.due = Date.now();
    awaySince = null;
    pause = FIRST_PAUSE;
  } else if (!awaySince) {
    awaySince = new Date();
    nextTry = Date.now() + pause * (1 + Math.random() / 4);
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !awaySince) for (const part of parts()) refresh(part);
});

// Escape closes what is open; a click elsewhere too.
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    document.getElementById("find")?.focus();
  }
  if (event.key === "?" && !event.target.closest("input, textarea, select")) {
    const keys = document.getElementById("keys");
    if (keys) for (const fold of [keys, keys.parentElement.closest("details")]) fold.open = true;
    keys?.querySelector("summary").focus();
  }
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("header details[open]")) open.open = false;
  document.getElementById("found")?.replaceChildren();
});

// Arrows go from the box through its suggestions and back; Enter opens the one that has the focus.
document.addEventListener("keydown", (event) => {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.closest(".find")) return;
  const stops = [document.getElementById("find"), ...document.querySelectorAll("#found a")];
  const next = stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  stops[(next + stops.length) % stops.length].focus();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest(".find")) document.getElementById("found")?.replaceChildren();
});

// One box that ticks all of its table.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-ticks-all]")) return;
  for (const box of event.target.closest("form").querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
});

// Times as the reader's clock says them, with UTC in the title. Without this file pages say UTC, and name it.
const LOCAL = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

function sayLocalTimes(within) {
  for (const time of within.querySelectorAll("time[data-clock]:not([data-local])")) {
    const day = /^[A-Z]/.test(time.textContent) ? { weekday: "short" } : {};
    time.dataset.local = "";
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }
  for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
    time.dataset.local = "";
    const local = LOCAL.format(new Date(time.dateTime)), utc = /\d\d:\d\d:\d\d UTC$/;
    if (utc.test(time.textContent.trim())) {
      time.title = time.textContent.trim();
      time.textContent = local;
    } else if (utc.test(time.title)) time.title = `${local} (${time.title})`;
  }
}

sayLocalTimes(document);
document.addEventListener("htmx:afterSettle", () => sayLocalTimes(document));

// Days of a filter are the reader's own; their time zone goes along in the address, so that others see the same lines.
const zone = document.querySelector("input[data-zone]");
if (zone) {
  const days = [...zone.form.querySelectorAll("input[type=date]")], chosen = () => days.some((one) => one.value);
  if (!zone.value && !chosen()) {
    zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
    days[0].labels[0].firstChild.data = "From (your time)";
  }
  zone.form.addEventListener("submit", () => { zone.disabled = !chosen(); });
}

// On a phone the rooms lie in a row: the one that is open is in sight.
const room = document.querySelector(".rooms [aria-current]");
if (room) room.parentElement.scrollLeft = room.offsetLeft - (room.parentElement.clientWidth - room.offsetWidth) / 2;
