// A recording that can't be played says so, instead of a player that does nothing.
"use strict";

document.addEventListener("error", (event) => {
  const player = event.target;
  if (player instanceof HTMLAudioElement && player.dataset.missing) {
    const text = document.createElement("p");
    text.className = "hint";
    text.textContent = player.dataset.missing;
    player.parentElement.querySelector(".speeds")?.remove();
    player.replaceWith(text);
  }
}, true);
