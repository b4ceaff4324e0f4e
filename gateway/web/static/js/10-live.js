// Live pages without a framework. Every page works without this; with it, [data-live] sections follow the feed of changes.
"use strict";

const BURST_MS = 150; // changes come in bursts (contact, interaction, lead): one reload for all of them
const live = document.querySelector("[data-live]");

if (live) {
  follow(live);
  // a page that the browser kept while one looked at another has closed its feed
  window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
}

function follow(section) {
  const kinds = section.dataset.live.split(" ");
  const badge = document.querySelector("[data-live-state]");
  let timer = 0;
  const soon = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => refresh(section.id), BURST_MS);
  };
  const feed = new EventSource(`/api/v1/events?last_event_id=${encodeURIComponent(section.dataset.position)}`);
  feed.onopen = () => show(badge, true);
  feed.onerror = () => {
    show(badge, false);
    if (feed.readyState === EventSource.CLOSED) {
      // refused: the session has ended or the server is away; ask again later, which leads to the sign-in page if needed
      window.setTimeout(() => refresh(section.id).then(() => follow(document.getElementById(section.id))), 5000);
    }
  };
  const names = ["lead.created", "lead.updated", "interaction.updated", "contact.updated", "contact.merged"];
  for (const name of names.filter((name) => kinds.some((kind) => name.startsWith(kind)))) {
    feed.addEventListener(name, soon);
  }
  feed.addEventListener("stream.reset", soon);
  window.addEventListener("pagehide", () => feed.close(), { once: true });
}

function show(badge, works) {
  if (badge) {
    badge.hidden = false;
    badge.dataset.state = works ? "on" : "off";
    badge.textContent = works ? badge.dataset.on : badge.dataset.off;
  }
}

// Fetch this page anew and put the section's new content in place of the old; what is new is marked for a moment.
async function refresh(id) {
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
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (!fresh || !old) {
    return;
  }
  const known = new Set(Array.from(old.querySelectorAll("[id]"), (element) => element.id));
  for (const element of fresh.querySelectorAll("li[id]")) {
    if (!known.has(element.id)) {
      element.classList.add("new");
    }
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.replaceChildren(...fresh.childNodes);
  if (focused) {
    old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}
