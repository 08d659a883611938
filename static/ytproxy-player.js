// The methods of ytproxy.js's element: YouTube's player in a frame of ours, and what the two say to each other.
// Both look at origin, source and form of every message; the other side is static/play.js.

const ALLOW =
  "accelerometer; autoplay; clipboard-write; encrypted-media; fullscreen; gyroscope; picture-in-picture; web-share";
const TOLD = ["ready", "play", "pause", "ended"];
const PATIENCE = 100; // greetings, one each 100 ms

const Video = customElements.get("ytproxy-video");
const { draw } = Video.prototype;
const started = new Set();

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
#frame { border: 0; background: #0b0d12 }
#back { min-block-size: 1.75rem; align-content: center }
#back::before { content: "←"/""; margin-inline-end: .4em }
#back:dir(rtl)::before { display: inline-block; scale: -1 1 }
[role=status] { position: absolute; clip-path: inset(50%) }
`);

const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const part = (video, id) => video.shadowRoot.getElementById(id);
const subject = (video) => `${video.read("videoid")} ${video.read("playlistid")}`;

const tell = (video, name, detail) => {
  const manner = { bubbles: true, composed: true, cancelable: !detail, detail };
  return video.dispatchEvent(new CustomEvent(`ytproxy:${name}`, manner));
};

// Of two players one gives way, where either is a single one.
const start = (video) => {
  for (const other of started) {
    if (other !== video && (video.hasAttribute("single") || other.hasAttribute("single"))) other.stop();
  }
  started.add(video);
};

// Greets until the page in the frame answers. The promise is of a function that gives it an order: ("seek", 30).
const meet = (video, frame, signal) =>
  new Promise((answered) => {
    const { origin } = video.src;
    const post = (name, seconds) => frame.contentWindow?.postMessage({ ytproxy: name, seconds }, origin);
    let left = PATIENCE;
    const greeting = setInterval(() => {
      if (frame.contentDocument?.URL === "about:blank") return; // not there yet: still of the page's own origin
      post("hello");
      if (--left) return;
      clearInterval(greeting);
      tell(video, "error", { code: "silent" });
    }, 100);
    signal.addEventListener("abort", () => clearInterval(greeting));

    addEventListener(
      "message",
      (event) => {
        if (event.origin !== origin || event.source !== frame.contentWindow) return;
        const { ytproxy: name, seconds, code } = Object(event.data);
        if (name === "hello") {
          clearInterval(greeting);
          answered(post);
        } else if (TOLD.includes(name) && Number.isFinite(seconds)) {
          if (name === "play") start(video);
          tell(video, name, { seconds });
        } else if (name === "error" && (code === "silent" || Number.isInteger(code))) tell(video, name, { code });
      },
      { signal },
    );
  });

const order = async ({ active }, ...given) => {
  if (active) (await active.bridge)(...given);
};

Object.assign(Video.prototype, {
  // *remembered*: an earlier consent asks, so the player waits for a click. *isTrusted*: this is a visitor's click.
  activate({ remembered, isTrusted } = {}) {
    if (this.active || !this.isConnected) return;
    if (!part(this, "play")) this.draw(); // where this file could not be loaded before, the link has its place
    if (!part(this, "play") || !tell(this, "activate")) return;
    if (!remembered) start(this);
    const src = new URL(this.src);
    if (remembered) src.searchParams.set("remembered", 1);
    const title = part(this, "title").textContent;
    const focused = isTrusted || this.shadowRoot.activeElement;
    const frame = make("iframe", { id: "frame", part: "frame", title, allow: ALLOW, allowFullscreen: true, src });
    const words = make("span", { className: "back_to_preview" }, "Back to preview");
    const back = make("button", { id: "back", part: "back", type: "button", onclick: () => this.stop() }, words);
    const status = make("span", { role: "status" });
    part(this, "stage").replaceChildren(frame);
    part(this, "notice").replaceWith(back, status);
    const { adoptedStyleSheets } = this.shadowRoot;
    if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet);
    const box = part(this, "box");
    const say = () => Video.say(box, src.searchParams.get("lang")).catch(() => {});
    say();
    if (focused) frame.focus();

    const gone = new AbortController();
    this.active = { gone, subject: subject(this), bridge: meet(this, frame, gone.signal) };
    addEventListener("pagehide", () => this.stop(), { signal: gone.signal });
    // A status is read out when its text changes, not when it comes with one.
    setTimeout(() => {
      status.className = "player_loading";
      status.textContent = "The YouTube player is loading.";
      say();
    }, 100);
    this.active.bridge.then(() => status.remove());
  },

  play() {
    if (this.active) order(this, "play");
    else this.activate();
  },

  pause() {
    order(this, "pause");
  },

  seekTo(seconds) {
    order(this, "seek", seconds);
  },

  stop() {
    if (!this.active) return;
    const { activeElement } = this.shadowRoot;
    this.active.gone.abort();
    this.active = undefined;
    started.delete(this);
    this.draw();
    if (activeElement) part(this, "play")?.focus();
  },

  // A player is left alone until it is of another video.
  draw() {
    if (!this.active) draw.call(this);
    else if (this.active.subject !== subject(this)) this.stop();
  },
});
