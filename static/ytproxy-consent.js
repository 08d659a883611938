// One consent for all videos of a site, and the way back: the box under each preview, where the owner's script tag asks
// for it, what the box stores, <ytproxy-consent>, and what a consent banner may call. See docs/element.md.

const KEY = "ytproxy";
const VERSION = 1;
const DAY_MS = 86_400_000;
const VISIBLE_PART = 0.25; // of a preview, from which it counts as displayed

const { dataset } = document.querySelector("script[src*=ytproxy][data-remember]") ?? { dataset: {} };
const days = /^[1-9]\d{0,3}$/.test(dataset.rememberDays) ? Number(dataset.rememberDays) : 180;
const area = openStorage({ always: "localStorage", session: "sessionStorage" }[dataset.remember]);
const language = (element) => (element.closest("[lang]") ?? document.documentElement).lang || navigator.language;

const today = () => new Date().toISOString().slice(0, 10);

let Video; // the element's class
let granted = false; // for the life of this page
let known = allowed();
const videos = new Set();
const controls = new Set();
let begun = new WeakMap(); // each to the video that it has loaded already

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
#consent {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0 1em;
  min-block-size: 2.75rem; padding: .3em .9em; box-sizing: border-box;
}
label { display: flex; align-items: center; gap: .5em; min-block-size: 1.75rem; cursor: pointer }
input { flex: none; inline-size: 1.15rem; block-size: 1.15rem; margin: 0; cursor: pointer }
#forget { min-block-size: 1.75rem; align-content: center; text-decoration: underline }
#box:has(#frame) label, #box:has(#frame) label + span { visibility: hidden }
@media print { #consent { display: none } }
`);

// A browser may forbid it, or throw at the first touch; then every video asks. So it does with Global Privacy Control.
function openStorage(name) {
  if (!name || navigator.globalPrivacyControl) return undefined;
  try {
    globalThis[name].getItem(KEY);
    return globalThis[name];
  } catch {
    return undefined;
  }
}

function parse(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function isStored() {
  try {
    const text = area.getItem(KEY);
    if (text === null) return false;
    const { v, d } = parse(text);
    const age = (Date.parse(today()) - Date.parse(d)) / DAY_MS;
    if (v === VERSION && /^"\d{4}-\d\d-\d\d"$/.test(JSON.stringify(d)) && age >= 0 && age < days) return true;
    area.removeItem(KEY);
  } catch {
    // forbidden
  }
  return false;
}

/** Whether videos load without a click. */
export function allowed() {
  return granted || Boolean(area && isStored());
}

/** Gives the consent: kept in the browser where the script tag says data-remember, else as long as this page. */
export function allow() {
  try {
    area?.setItem(KEY, JSON.stringify({ v: VERSION, d: today() }));
  } catch {
    // full, or forbidden
  }
  granted = !(area && isStored());
  change();
}

/** Takes the consent back. Every player stops. */
export function withdraw() {
  granted = false;
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      globalThis[name].removeItem(KEY);
    } catch {
      // what is forbidden holds nothing
    }
  }
  known = true;
  change();
}

function change() {
  if (known === allowed()) return;
  known = allowed();
  begun = new WeakMap();
  const pressed = [...videos].find((video) => video.shadowRoot.activeElement?.id === "forget");
  for (const video of videos) {
    if (!known && video.active) video.stop();
    dress(video);
  }
  if (pressed) part(pressed, "play")?.focus();
  for (const control of controls) control.draw();
  document.dispatchEvent(new CustomEvent("ytproxy:consent", { detail: { allowed: known } }));
}

const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), { part: properties.id ?? "" }, properties);
  element.append(...children);
  return element;
};
const word = (className, english) => make("span", { className }, english);
const part = (video, id) => video.shadowRoot.getElementById(id);
const subject = (video) => `${video.read("videoid")} ${video.read("playlistid")}`;
const mark = ({ currentTarget }) => begun.set(currentTarget, subject(currentTarget));

async function say(place, element) {
  const count = () => {
    for (const note of place.querySelectorAll(".remember_days")) {
      note.textContent = note.textContent.replace("{days}", days);
    }
  };
  count();
  await Video.say(place, language(element)).catch(() => {});
  count();
}

// What stands with a preview: a box that is not ticked; once there is a consent, the way back.
function dress(video) {
  const box = part(video, "box");
  part(video, "consent")?.remove();
  if (!box || !(known || area)) return;
  const { adoptedStyleSheets } = video.shadowRoot;
  if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet);
  video.addEventListener("ytproxy:activate", mark);
  const row = make("div", { id: "consent" });
  if (known) {
    row.append(make("button", { id: "forget", onclick: withdraw }, word("forget", "Ask before each video again")));
    box.prepend(row);
    look(video);
  } else {
    row.append(...choice(video));
    box.append(row);
  }
  say(row, video);
}

function choice(video) {
  const input = make("input", { id: "remember", type: "checkbox" });
  input.setAttribute("aria-describedby", "kept");
  const note =
    dataset.remember === "session"
      ? word("remember_session", "Kept only in this tab, until it is closed.")
      : word("remember_days", "Kept only in this browser, for {days} days at most.");
  note.id = "kept";
  const keep = () => queueMicrotask(() => video.active && allow());
  const click = ({ isTrusted }) => {
    video.removeEventListener("ytproxy:activate", keep);
    if (isTrusted && input.checked && input.isConnected)
      video.addEventListener("ytproxy:activate", keep, { once: true });
  };
  part(video, "play")?.addEventListener("click", click, { capture: true }); // before the click activates
  return [make("label", {}, input, word("remember", "Always load YouTube videos here")), note];
}

const displayed = new IntersectionObserver(
  (seen) => {
    for (const { intersectionRatio, target } of seen) if (intersectionRatio >= VISIBLE_PART) begin(target);
  },
  { threshold: VISIBLE_PART },
);

// Anew, since it tells of changes alone.
function look(video) {
  displayed.unobserve(video);
  displayed.observe(video);
}

// The consent may be taken back while the player's file is on its way.
async function begin(video) {
  try {
    await import("./ytproxy-player.js");
  } catch {
    return; // a click will say so
  }
  if (!allowed() || document.visibilityState !== "visible" || document.prerendering) return;
  if (!video.active && begun.get(video) !== subject(video)) video.activate({ remembered: true });
}

const lookAtAll = () => {
  for (const video of known ? videos : []) look(video);
};
document.addEventListener("visibilitychange", lookAtAll);
document.addEventListener("prerenderingchange", lookAtAll);
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  begun = new WeakMap();
  change();
  lookAtAll();
});
addEventListener("storage", change);

const enlist = (video) => {
  for (const other of videos) if (!other.isConnected) videos.delete(other);
  videos.add(video);
  dress(video);
};

function* find(root) {
  for (const element of root.querySelectorAll("*")) {
    if (element instanceof Video) yield element;
    if (element.shadowRoot) yield* find(element.shadowRoot);
  }
}

/** One line for the privacy page: how things stand, and a button that changes it. */
class Consent extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).append(make("span", { id: "state", role: "status" }), " ", make("span", {}));
  }

  connectedCallback() {
    controls.add(this);
    this.draw();
  }

  disconnectedCallback() {
    controls.delete(this);
  }

  draw() {
    const [state, act] = this.shadowRoot.children;
    state.replaceChildren(
      known
        ? word("remembered", "YouTube videos load here without a click.")
        : word("not_remembered", "YouTube videos load here only after a click."),
    );
    const focused = this.shadowRoot.activeElement;
    const words = known
      ? word("forget", "Ask before each video again")
      : word("remember", "Always load YouTube videos here");
    const button = make("button", { id: "change", onclick: known ? withdraw : allow }, words);
    act.replaceChildren(...(known || area ? [button] : []));
    if (focused) button.focus();
    say(state, this);
    say(act, this);
  }
}

// What comes with words comes in the page's own, so that nothing moves when others arrive.
const [lang] = language(document.documentElement).match(/^\w*/);
if (lang !== "en") await import(`./texts/${lang}.js`).catch(() => {});

customElements.whenDefined("ytproxy-video").then(() => {
  Video = customElements.get("ytproxy-video");
  const { draw } = Video.prototype;
  Video.prototype.draw = function () {
    draw.call(this);
    enlist(this);
  };
  for (const video of find(document)) enlist(video);
  customElements.define("ytproxy-consent", Consent);
});
