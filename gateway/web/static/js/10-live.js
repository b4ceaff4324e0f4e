// Live pages without a framework. Every page works without this; with it, [data-live] sections follow the feed of changes.
"use strict";

const BURST_MS = 150; // changes come in bursts (contact, interaction, lead): one reload for all of them
const BUSY_MS = 1500; // while somebody types or has a menu open, the section is left as it is
const KINDS = [
  "lead.created", "lead.updated", "interaction.updated", "contact.updated", "contact.merged",
  "callback.opened", "callback.updated", "callback.closed", "outcall.updated", "task.updated",
];

const listeners = []; // {kinds: ["lead."], heard: (kind) => ...}
const live = document.querySelector("[data-live]");

if (live) {
  const soon = delayed(() => refresh(live.id));
  listeners.push({ kinds: live.dataset.live.split(" "), heard: soon });
  if (live.dataset.every) {
    // "waits 12 min" grows although nothing happens
    window.setInterval(() => document.hidden || refresh(live.id), Number(live.dataset.every) * 1000);
  }
}
// the other parts of this script add their listeners while it is read; then there is one feed for all of them
window.setTimeout(() => listeners.length && follow(startPosition()), 0);
// a page that the browser kept while one looked at another has closed its feed
window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());

function startPosition() {
  return live?.dataset.position ?? "";
}

function follow(position) {
  const badge = document.querySelector("[data-live-state]");
  let last = position;
  const feed = new EventSource(`/api/v1/events?last_event_id=${encodeURIComponent(position)}`);
  feed.onopen = () => show(badge, true);
  feed.onerror = () => {
    show(badge, false);
    if (feed.readyState === EventSource.CLOSED) {
      // refused: the session has ended or the server is away; ask again later, which leads to the sign-in page if needed
      window.setTimeout(() => (live ? refresh(live.id) : Promise.resolve()).then(() => follow(last)), 5000);
    }
  };
  const heard = (event) => {
    last = event.lastEventId || last;
    for (const listener of listeners) {
      if (event.type === "stream.reset" || listener.kinds.some((kind) => event.type.startsWith(kind))) {
        listener.heard(event.type);
      }
    }
  };
  for (const name of [...KINDS, "stream.reset"]) {
    feed.addEventListener(name, heard);
  }
  window.addEventListener("pagehide", () => feed.close(), { once: true });
}

function delayed(work) {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(work, BURST_MS);
  };
}

function show(badge, works) {
  if (badge) {
    badge.hidden = false;
    badge.dataset.state = works ? "on" : "off";
    badge.textContent = works ? badge.dataset.on : badge.dataset.off;
  }
}

function busy(section) {
  const active = document.activeElement;
  const typing = active && section.contains(active) && active.matches("textarea, select, input:not([type=checkbox])");
  const listening = Array.from(section.querySelectorAll("audio")).some((audio) => !audio.paused);
  return typing || listening || section.querySelector(".callback > .pop, details[open]:not(.calm), input[type=checkbox]:checked:not([checked]), [data-dragged]");
}

// Fetch this page anew and put the section's new content in place of the old; what is new is marked for a moment.
async function refresh(id) {
  const before = document.getElementById(id);
  if (before && busy(before)) {
    window.setTimeout(() => refresh(id), BUSY_MS);
    return;
  }
  let answer;
  try {
    answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
  } catch {
    return; // no connection: the feed comes back by itself and says what was missed
  }
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    window.location.reload();
    return;
  }
  if (!answer.ok) {
    return;
  }
  replace(id, await answer.text());
}

function replace(id, text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (!fresh || !old || busy(old)) {
    return;
  }
  const known = new Set(Array.from(old.querySelectorAll("[id]"), (element) => element.id));
  for (const element of fresh.querySelectorAll("li[id]")) {
    if (!known.has(element.id)) {
      element.classList.add("new");
    }
  }
  for (const calm of old.querySelectorAll("details.calm[open]")) {
    fresh.querySelector(`#${CSS.escape(calm.id)}`)?.setAttribute("open", "");
  }
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const again = active?.id ? `#${CSS.escape(active.id)}` : active?.getAttribute("href") && `a[href="${CSS.escape(active.getAttribute("href"))}"]`;
  for (const name of Object.keys(fresh.dataset)) {
    old.dataset[name] = fresh.dataset[name];
  }
  old.replaceChildren(...fresh.childNodes);
  if (again) {
    old.querySelector(again)?.focus({ preventScroll: true });
  }
  old.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}
