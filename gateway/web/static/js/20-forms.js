// Forms that do something: sent without leaving the page, what happened is told, and what was typed is never lost.
"use strict";

const DRAFT = "leadgate-draft:";
const TOAST_MS = 8000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form[data-deed]") && !event.defaultPrevented) {
    event.preventDefault();
    send(form, event.submitter);
  }
});

document.addEventListener("input", (event) => {
  const key = event.target.dataset?.draft;
  if (key) {
    event.target.value ? localStorage.setItem(DRAFT + key, event.target.value) : localStorage.removeItem(DRAFT + key);
  }
});

// A menu is a link to the card, where all its forms stand; here its forms open beside the row.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-menu]");
  const open = document.querySelector(".callback > .pop");
  if (open && !open.contains(event.target)) {
    open.remove();
  }
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    if (open?.dataset.of !== link.dataset.menu + link.dataset.row) {
      openMenu(link);
    }
  }
});

document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".callback > .pop");
  if (event.key === "Escape" && open) {
    open.closest(".callback").focus();
    open.remove();
  }
});

function openMenu(link) {
  const template = document.querySelector(`template[data-menu-of="${link.dataset.menu}"]`);
  const menu = document.importNode(template.content, true).querySelector(".pop");
  menu.removeAttribute("id");
  menu.dataset.of = link.dataset.menu + link.dataset.row;
  for (const form of menu.querySelectorAll("form")) {
    form.setAttribute("action", form.getAttribute("action").replace("/ID/", `/${encodeURIComponent(link.dataset.row)}/`));
  }
  for (const field of menu.querySelectorAll("[data-draft]")) {
    field.dataset.draft = field.dataset.draft.replace(/ID$/, link.dataset.row);
  }
  link.closest(".callback").append(menu);
  restoreDrafts();
  menu.querySelector("textarea, button")?.focus();
  menu.scrollIntoView({ block: "nearest" });
}

document.addEventListener("refreshed", restoreDrafts);
restoreDrafts();

function restoreDrafts() {
  for (const field of document.querySelectorAll("[data-draft]")) {
    field.value ||= localStorage.getItem(DRAFT + field.dataset.draft) ?? "";
  }
}

function forgetDrafts(form) {
  for (const field of form.querySelectorAll("[data-draft]")) {
    localStorage.removeItem(DRAFT + field.dataset.draft);
    field.value = "";
  }
}

async function send(form, button) {
  let answer;
  form.inert = true;
  try {
    const body = new URLSearchParams(new FormData(form, button));
    answer = await fetch(button?.hasAttribute("formaction") ? button.formAction : form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  } catch {
    toast(document.body.dataset.offline, { bad: true });
    return; // what was typed stays in the form and in the drafts
  } finally {
    form.inert = false;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (new URL(answer.url).pathname === "/login") {
    window.location.assign(answer.url); // the drafts are kept for after the sign-in
    return;
  }
  if (!answer.ok) {
    toast(page.querySelector("main .problem, main p:not(.back)")?.textContent.trim() || answer.statusText, { bad: true });
    takeVersion(page);
  } else {
    forgetDrafts(form);
    form.closest("details")?.removeAttribute("open");
    if (new URLSearchParams(window.location.search).has("answer")) {
      window.history.replaceState(null, "", form.elements.next.value); // or the form for the answer would open again
    }
    toast(page.querySelector(".told")?.textContent, { undo: page.querySelector("form.undo") });
  }
  form.closest(".callback > .pop")?.remove();
  document.activeElement?.blur();
  const section = document.querySelector("[data-live]") ?? form.closest("[data-swap]");
  if (section) {
    refresh(section.id);
  } else if (answer.ok) {
    window.location.reload();
  }
}

// Somebody else was faster: who sends again has seen by whom, and means what stands there now.
function takeVersion(page) {
  const fresh = page.querySelector("input[name=version]");
  for (const field of fresh ? document.querySelectorAll("input[name=version]") : []) {
    field.value = fresh.value;
  }
}

function toast(text, { bad = false, undo = null } = {}) {
  if (!text) {
    return;
  }
  document.querySelector(".toast")?.remove();
  const note = document.createElement("div");
  note.className = "toast";
  note.setAttribute("role", bad ? "alert" : "status");
  note.toggleAttribute("data-bad", bad);
  note.append(text);
  if (undo) {
    undo.setAttribute("data-deed", "");
    note.append(document.importNode(undo, true));
  }
  document.body.append(note);
  window.setTimeout(() => note.remove(), TOAST_MS);
}
