// The board of stages: cards are dragged by their grip, with a pointer or by keys. Without this there are forms.
"use strict";

const MOVED_PX = 5; // less is a click
const dragForm = document.getElementById("drag");

if (dragForm) {
  addGrips();
  document.addEventListener("refreshed", addGrips);
}

function addGrips() {
  for (const deal of document.querySelectorAll(".deal:not(:has(.grip))")) {
    const grip = document.createElement("button");
    grip.type = "button";
    grip.className = "quiet grip";
    grip.id = `grip-${deal.dataset.lead.split(".")[0]}`;
    grip.textContent = "⠿";
    grip.title = dragForm.dataset.grip;
    grip.setAttribute("aria-label", dragForm.dataset.grip);
    grip.addEventListener("pointerdown", (event) => event.button === 0 && takeByPointer(event, deal, grip));
    grip.addEventListener("keydown", (event) => takeByKey(event, deal));
    grip.addEventListener("blur", () => leave(deal));
    deal.append(grip);
  }
}

function takeByPointer(start, deal, grip) {
  let ghost = null;
  const box = deal.getBoundingClientRect();
  const move = (event) => {
    if (!ghost) {
      if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < MOVED_PX) {
        return;
      }
      ghost = deal.cloneNode(true);
      ghost.classList.add("ghost");
      ghost.removeAttribute("id");
      ghost.style.width = `${box.width}px`;
      document.body.append(ghost);
      deal.dataset.dragged = "";
    }
    ghost.style.left = `${box.left + event.clientX - start.clientX}px`;
    ghost.style.top = `${box.top + event.clientY - start.clientY}px`;
    point(document.elementFromPoint(event.clientX, event.clientY)?.closest(".stage"));
    scrollBoard(event.clientX);
  };
  const end = (event) => {
    grip.removeEventListener("pointermove", move);
    ghost?.remove();
    if (ghost && event.type === "pointerup") {
      drop(deal);
    } else {
      leave(deal);
    }
  };
  grip.setPointerCapture(start.pointerId);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", end, { once: true });
  grip.addEventListener("pointercancel", end, { once: true });
}

function takeByKey(event, deal) {
  const taken = "dragged" in deal.dataset;
  if (!taken && (event.key === "Enter" || event.key === " ")) {
    deal.dataset.dragged = "";
    point(deal.closest(".stage"));
    say(dragForm.dataset.taken);
  } else if (taken && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const stages = Array.from(document.querySelectorAll(".stage"));
    const here = stages.findIndex((stage) => "over" in stage.dataset);
    const next = stages[here + (event.key === "ArrowRight" ? 1 : -1)];
    if (next) {
      point(next);
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
      say(next.querySelector("h2").textContent);
    }
  } else if (taken && (event.key === "Enter" || event.key === " ")) {
    drop(deal);
  } else if (taken && event.key === "Escape") {
    leave(deal);
    say(dragForm.dataset.left);
  } else {
    return;
  }
  event.preventDefault();
}

function drop(deal) {
  const target = document.querySelector(".stage[data-over]");
  const from = deal.closest(".stage");
  leave(deal);
  if (!target || target === from) {
    return;
  }
  dragForm.elements.lead.value = deal.dataset.lead;
  dragForm.elements.stage.value = target.dataset.stage;
  target.querySelector("ul").prepend(deal); // at once; what the server says replaces it a moment later
  send(dragForm);
}

function leave(deal) {
  delete deal.dataset.dragged;
  point(null);
}

function point(stage) {
  for (const each of document.querySelectorAll(".stage[data-over]")) {
    delete each.dataset.over;
  }
  if (stage) {
    stage.dataset.over = "";
  }
}

function scrollBoard(x) {
  const board = document.querySelector(".kanban");
  const box = board.getBoundingClientRect();
  const edge = 48;
  board.scrollLeft += x > box.right - edge ? 12 : x < box.left + edge ? -12 : 0;
}

function say(text) {
  document.getElementById("drag-state").textContent = text;
}
