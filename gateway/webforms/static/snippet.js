// Leadgate's form snippet: <script src="https://leads.example.com/f/KEY.js" defer></script>
// Sends every form with the attribute data-leadgate, or whose action is /f/KEY, without leaving the page. A submission
// stays in localStorage until the server has it. Without this script the same form posts as any other.
(() => {
  "use strict";
  const endpoint = document.currentScript.src.replace(/\.js([?#].*)?$/, "");
  const GUARDED = true; // the server writes false for a form without guards
  const QUEUE = "leadgate:queue:" + endpoint, SOURCE = "leadgate:source", DAY = 864e5;
  const RETRY = [5, 15, 60, 300]; // seconds
  const TAG = /^(utm_\w+|gclid|wbraid|gbraid|yclid|ymclid|fbclid|msclkid|ttclid|rb_clickid|_openstat|roistat)$/;
  const TEXT = /^ru/i.test(document.documentElement.lang || navigator.language)
    ? { sent: "Спасибо! Мы получили вашу заявку.", kept: "Связи нет. Заявка сохранена и уйдёт, как только связь появится.",
        refused: "Не удалось отправить заявку. Пожалуйста, позвоните нам." }
    : { sent: "Thank you! We have received your request.", kept: "No connection. Your request is saved and will be sent as soon as possible.",
        refused: "Your request could not be sent. Please call us." };

  const load = (name, empty) => {
    try { return JSON.parse(localStorage.getItem(name)) || empty; } catch { return empty; }
  };
  const save = (name, value) => {
    try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private mode: it is only sent at once */ }
  };
  const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const uuid = () => crypto.randomUUID ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // The advertisement that the visitor came by, also when the form is on a later page of the visit.
  const tags = {};
  new URLSearchParams(location.search).forEach((value, name) => {
    if (value && TAG.test(name)) tags[name] = value.slice(0, 500);
  });
  if (Object.keys(tags).length) save(SOURCE, { at: Date.now(), tags });
  const source = () => {
    const known = load(SOURCE, { at: 0, tags });
    return Date.now() - known.at < 30 * DAY ? known.tags : tags;
  };

  // The proof of work is found in a worker of our own, fetched only where a form asks for it.
  const work = (asked) => fetch(endpoint.replace(/[^/]*$/, "work.js")).then((answer) => answer.text()).then((code) => new Promise((resolve) => {
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = (event) => { worker.terminate(); resolve(event.data); };
    worker.onerror = () => resolve(-1);
    worker.postMessage(asked);
  })).catch(() => -1); // a site whose policy forbids workers sends without: the server marks it, and keeps it

  // What shows that a person sends: asked for when the page opens, as the server measures the time since then.
  let pass;
  const askPass = () => pass ||= fetch(endpoint + "/challenge", { credentials: "omit" })
    .then((answer) => answer.ok ? answer.json() : Promise.reject(answer.status))
    .then(async (asked) => {
      const { algorithm, challenge, salt, signature } = asked, fields = { _lg_token: asked.token };
      if (challenge) fields.altcha = btoa(JSON.stringify({ algorithm, challenge, salt, signature, number: await work(asked) }));
      return { fields, wait: asked.wait };
    })
    .catch((error) => { pass = null; throw error; });
  if (GUARDED) askPass().catch(() => {});

  const drop = (id) => save(QUEUE, load(QUEUE, []).filter((entry) => entry.id !== id));

  // Sends one submission; resolves when the server has it or refuses it, rejects when it should be tried again.
  async function send(entry, files) {
    let body = files || new URLSearchParams(entry.fields);
    if (GUARDED && !entry.passed) {
      const late = !pass, { fields, wait } = await askPass();
      if (late) await sleep(wait);
      pass = null;
      Object.entries(fields).forEach((field) => { body.append(...field); entry.fields.push(field); });
      entry.passed = true;
      save(QUEUE, load(QUEUE, []).map((one) => one.id === entry.id ? entry : one));
    }
    const answer = await fetch(endpoint, { method: "POST", body, credentials: "omit" });
    if (answer.status >= 500 || answer.status === 408) throw new Error(String(answer.status));
    drop(entry.id);
    return { ok: answer.ok || answer.status === 429, told: await answer.json().catch(() => ({})) };
  }

  let timer, failures = 0, busy = false;
  async function resend() {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    for (const entry of load(QUEUE, [])) {
      if (Date.now() - entry.at > 7 * DAY) drop(entry.id);
      else try { await send(entry); failures = 0; } catch { failures++; break; }
    }
    busy = false;
    if (load(QUEUE, []).length) timer = setTimeout(resend, 1000 * RETRY[Math.min(failures, RETRY.length) - 1] || 5000);
  }

  function tell(form, state, told) {
    const event = new CustomEvent("leadgate:" + state, { bubbles: true, cancelable: true, detail: told });
    if (!form.dispatchEvent(event)) return; // the site shows it in its own way
    if (state === "sent" && told.redirect) { location.assign(told.redirect); return; }
    const place = form.querySelector("[data-leadgate-status]") || form.appendChild(document.createElement("p"));
    place.dataset.leadgateStatus = state;
    place.setAttribute("role", "status");
    place.textContent = form.dataset[state] || TEXT[state];
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target; // form.action may be a field of this name, so the attribute is asked for
    const target = new URL(form.getAttribute("action") || "", location.href).href.split(/[?#]/)[0];
    const ours = form.hasAttribute("data-leadgate") || target === endpoint;
    if (!ours || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.leadgateBusy) return;
    form.dataset.leadgateBusy = "1";
    const data = new FormData(form), id = uuid();
    data.delete("_lg_token"); // the page's own one is for browsers without this script
    if (event.submitter?.name) data.append(event.submitter.name, event.submitter.value);
    const more = { ...source(), page_url: location.href, referrer: document.referrer, _lg_id: id };
    for (const [name, value] of Object.entries(more)) if (value && !data.has(name)) data.append(name, value);
    const fields = [...data].filter(([, value]) => typeof value === "string");
    const entry = { id, at: Date.now(), fields };
    save(QUEUE, [...load(QUEUE, []), entry]);
    try {
      const { ok, told } = await send(entry, fields.length < [...data].length ? data : null);
      if (ok) HTMLFormElement.prototype.reset.call(form);
      tell(form, ok ? "sent" : "refused", told);
    } catch {
      tell(form, load(QUEUE, []).some((one) => one.id === id) ? "kept" : "refused", {});
      failures++;
      timer = setTimeout(resend, RETRY[0] * 1000);
    }
    delete form.dataset.leadgateBusy;
  });
  addEventListener("online", resend);
  resend();
})();
