// The board by keyboard, and a sound when somebody new waits.
"use strict";

const SOUND = "leadgate-sound";
const board = document.getElementById("board");

if (board) {
  let waiting = Number(board.dataset.waiting);
  board.addEventListener("refreshed", () => {
    document.title = board.dataset.title;
    const now = Number(board.dataset.waiting);
    if (now > waiting && localStorage.getItem(SOUND) === "on") {
      chime();
    }
    waiting = now;
  });
  document.addEventListener("keydown", onKey);
  soundButton(document.querySelector("[data-sound]"));
  const help = document.querySelector("[data-help]");
  help.hidden = false;
  help.addEventListener("click", () => document.getElementById("keys").showModal());
}

function onKey(event) {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select") || document.querySelector("dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const rows = Array.from(board.querySelectorAll("li.callback"));
  const here = rows.indexOf(document.activeElement?.closest("li.callback"));
  const row = rows[here];
  switch (event.key) {
    case "j":
      rows[Math.min(here + 1, rows.length - 1)]?.focus();
      break;
    case "k":
      rows[Math.max(here - 1, 0)]?.focus();
      break;
    case "Enter":
      if (document.activeElement === row) {
        row?.querySelector("[data-open]").click();
      }
      return;
    case "x":
      row?.querySelector("input[type=checkbox]")?.click();
      break;
    case "a":
      row?.querySelector('[data-key="n"]')?.click();
      row?.querySelector(".pop select")?.focus();
      break;
    case "?":
      document.getElementById("keys").showModal();
      break;
    default:
      if (!/^[ctson]$/.test(event.key)) {
        return;
      }
      row?.querySelector(`[data-key="${event.key}"]`)?.click();
  }
  event.preventDefault();
}

function soundButton(button) {
  const tell = () => {
    button.textContent = localStorage.getItem(SOUND) === "on" ? button.dataset.on : button.dataset.off;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    localStorage.setItem(SOUND, localStorage.getItem(SOUND) === "on" ? "off" : "on");
    tell();
    if (localStorage.getItem(SOUND) === "on") {
      chime();
    }
  });
  tell();
}

function chime() {
  const audio = new AudioContext();
  [660, 880].forEach((pitch, place) => {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0.08 });
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + place * 0.16);
    tone.stop(audio.currentTime + place * 0.16 + 0.14);
  });
  window.setTimeout(() => audio.close(), 1000);
}
