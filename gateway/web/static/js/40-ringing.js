// The pop-up of incoming calls: asked for when a call begins, is answered or ends.
"use strict";

const ringing = document.querySelector("[data-ringing]");

if (ringing) {
  const soon = delayed(showRinging);
  listeners.push({ kinds: ["interaction."], heard: soon });
  showRinging();
}

async function showRinging() {
  let answer;
  try {
    answer = await fetch("/ringing", { headers: { Accept: "text/html" } });
  } catch {
    return; // the feed comes back by itself
  }
  if (!answer.ok || answer.redirected) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("ringing");
  const old = document.getElementById("ringing");
  if (fresh && old && fresh.textContent !== old.textContent) {
    old.replaceChildren(...document.importNode(fresh, true).childNodes);
  }
}
