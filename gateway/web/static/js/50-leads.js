// The card of a lead: recordings are played at the speed that one likes, and only one at a time; filters follow a choice.
"use strict";

const SPEED = "leadgate-speed";
const SPEEDS = [1, 1.25, 1.5, 2];

document.addEventListener("refreshed", addSpeeds);
addSpeeds();

// media events do not bubble, so they are caught on their way down
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other !== event.target) {
      other.pause();
    }
  }
}, true);

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submits]");
  if (form && event.target.matches("select")) {
    form.requestSubmit();
  }
});

// a menu closes when one looks elsewhere, as long as nothing was typed into it
document.addEventListener("click", (event) => {
  for (const tool of document.querySelectorAll("details.tool[open]")) {
    if (!tool.contains(event.target) && !tool.querySelector("textarea")) {
      tool.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  const tool = event.key === "Escape" && document.querySelector("details.tool[open]");
  if (tool) {
    tool.open = false;
    tool.querySelector("summary").focus();
  }
});

function addSpeeds() {
  for (const player of document.querySelectorAll("audio.player:not([data-ready])")) {
    player.dataset.ready = "";
    const row = document.createElement("div");
    row.className = "speeds";
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", player.dataset.speed);
    for (const speed of SPEEDS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${speed}×`;
      button.dataset.rate = speed;
      button.addEventListener("click", () => {
        localStorage.setItem(SPEED, speed);
        setSpeed();
      });
      row.append(button);
    }
    player.after(row);
  }
  setSpeed();
}

function setSpeed() {
  const speed = Number(localStorage.getItem(SPEED)) || 1;
  for (const player of document.querySelectorAll("audio.player")) {
    player.defaultPlaybackRate = speed;
    player.playbackRate = speed;
  }
  for (const button of document.querySelectorAll(".speeds button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === speed));
  }
}
