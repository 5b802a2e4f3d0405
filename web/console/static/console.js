// The live parts: an element with data-live asks for itself anew every few seconds, unless nobody looks at the page,
// somebody works in that part, or the page was left. Everything else works without this file.
"use strict";

const busy = (part) => part.contains(document.activeElement) || part.querySelector("input:checked, details[open]");

setInterval(() => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    const due = Number(part.dataset.due || 0);
    if (due === 0) part.dataset.due = Date.now() + 1000 * Number(part.dataset.live);
    else if (Date.now() >= due && !busy(part)) htmx.trigger(part, "refresh");
  }
}, 500);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "refresh");
});

// Escape closes what is open; a click elsewhere too.
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    document.getElementById("find")?.focus();
  }
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("header details[open]")) open.open = false;
  document.getElementById("found")?.replaceChildren();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest(".find")) document.getElementById("found")?.replaceChildren();
});

// One box that ticks all of its table.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-ticks-all]")) return;
  for (const box of event.target.closest("form").querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
});
