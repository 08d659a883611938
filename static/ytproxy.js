// <ytproxy-video>: until a click, a preview that needs no host but this script's. How to use it: docs/element.md
if (!customElements.get("ytproxy-video")) {
  // A module has no currentScript, and a plain script may not say import.meta; a stack names the script in both.
  const root = new URL("..", document.currentScript?.src || new Error().stack.match(/http\S+?(?=:\d+:\d+)/)[0]);
  const ALLOW =
    "accelerometer; autoplay; clipboard-write; encrypted-media; fullscreen; gyroscope; picture-in-picture; web-share";

  // As in the server's catalogues: play, notice, notice_short, watch, back_to_preview.
  const TEXTS = {
    de: [
      "Abspielen:",
      "Ein Klick verbindet mit YouTube (Google). Dabei werden IP-Adresse und Gerätedaten übertragen.",
      "Klick lädt YouTube",
      "Auf YouTube ansehen",
      "Zurück zur Vorschau",
    ],
    en: [
      "Play:",
      "A click connects to YouTube (Google), which then receives your IP address and device data.",
      "Click loads YouTube",
      "Watch on YouTube",
      "Back to preview",
    ],
  };

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host {
  display: block; container-type: inline-size; min-inline-size: min(100%, 160px);
  font-size: .875rem; line-height: 1.3;
}
:host([hidden]), [hidden] { display: none }
* { box-sizing: border-box; margin: 0; padding: 0; border: 0; font: inherit; color: inherit }
#box {
  overflow: hidden; border-radius: var(--ytproxy-radius);
  color: var(--ytproxy-ink, #f6f7f9); background: var(--ytproxy-ground, #0b0d12);
}
#stage { position: relative; aspect-ratio: 16/9; color: #fff; background: radial-gradient(#2a3142, #12151d) }
#stage *, #play::before, #play::after { position: absolute; inset: 0; inline-size: 100%; block-size: 100% }
img { object-fit: contain }
button { background: none; text-align: start; cursor: pointer }
#play::before, #play::after {
  content: ""; margin: auto; inline-size: clamp(2.5rem, 14cqi, 5rem); block-size: auto; aspect-ratio: 1;
}
#play::before { border: 2px solid; border-radius: 50%; background: var(--ytproxy-play, #0b0d12b3) }
#play:hover::before { background: #0b0d12 }
#play::after { background: currentcolor; clip-path: polygon(39% 30%, 39% 70%, 72% 50%) }
#title { padding: .6em .9em; background: linear-gradient(#0b0d12e6, #0b0d1200 5em); font-weight: 600 }
:focus-visible { outline: 3px solid; outline-offset: -3px; box-shadow: inset 0 0 0 6px #0b0d12 }
#bar {
  display: flex; align-items: center; justify-content: space-between; gap: 1em;
  min-block-size: 2.75rem; padding-inline: .9em;
}
#back, #watch { min-block-size: 1.75rem; min-inline-size: 1.75rem; align-content: center; white-space: nowrap }
#back::before { content: "←"/""; margin-inline-end: .4em }
#watch::after { content: "↗"/""; margin-inline-start: .4em }
#bar :dir(rtl)::before, #bar :dir(rtl)::after { display: inline-block; scale: -1 1 }
.away, .short { position: absolute; clip-path: inset(50%) }
@container (width < 34rem) {
  .long { position: absolute; clip-path: inset(50%) }
  .short { position: static; clip-path: none }
}
@container (width < 20rem) { #watch span { position: absolute; clip-path: inset(50%) } }
@media (forced-colors: active) { #play::after { background: CanvasText; forced-color-adjust: none } }
@media print {
  #box, #stage, #title { color: #000; background: none }
  #notice, #back, #play::before, #play::after { display: none }
  #watch::after { content: attr(href); white-space: normal }
}`);

  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), { part: properties.id ?? "" }, properties);
    element.append(...children);
    return element;
  };
  const running = new Set();

  class YtproxyVideo extends HTMLElement {
    static observedAttributes = ["videoid", "playlistid", "start", "end", "params", "title", "poster", "lang", "ratio"];

    #box = make("div", { id: "box" });
    #slot = make("slot", { onslotchange: () => this.#draw() });
    #back = make("button", { id: "back", type: "button", onclick: () => this.stop() });
    #path; // of the player's page; empty without a video and a list
    #title;
    #frame;
    #end; // aborts all that goes with the frame
    #bridge; // a promise of what gives the frame orders

    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      shadow.append(this.#box, this.#slot);
    }

    connectedCallback() {
      this.#draw();
    }

    connectedMoveCallback() {} // moveBefore() keeps the player

    disconnectedCallback() {
      this.stop();
    }

    attributeChangedCallback(name) {
      if (this.#path === undefined) return; // the first drawing will see them all
      if (name.endsWith("id")) this.stop();
      this.#draw();
    }

    activate() {
      if (this.#frame || !this.#path || !this.isConnected || !this.#tell("activate")) return;
      for (const other of running) if (this.hasAttribute("single") || other.hasAttribute("single")) other.stop();
      running.add(this);
      const frame = make("iframe", {
        id: "frame",
        title: this.#title,
        allow: ALLOW,
        allowFullscreen: true,
        src: new URL(this.#path, root),
      });
      const [stage, bar] = this.#box.children;
      stage.replaceChildren(frame);
      bar.firstChild.replaceWith(this.#back);
      this.#frame = frame;
      const { signal } = (this.#end = new AbortController());
      addEventListener("pagehide", () => this.stop(), { signal });
      this.#bridge = import("./ytproxy-bridge.js").then(({ bridge }) =>
        bridge(frame, root.origin, signal, (name, detail) => this.#tell(name, detail)),
      );
    }

    play() {
      if (this.#frame) this.#order("play");
      else this.activate();
    }

    pause() {
      this.#order("pause");
    }

    seekTo(seconds) {
      this.#order("seek", seconds);
    }

    stop() {
      if (!this.#frame) return;
      const focused = this.shadowRoot.activeElement;
      this.#end.abort();
      running.delete(this);
      this.#frame.remove();
      this.#frame = this.#bridge = undefined;
      this.#draw();
      if (focused) this.#box.querySelector("button").focus();
    }

    #order(...order) {
      this.#bridge?.then((give) => give(...order));
    }

    #tell(name, detail) {
      const manner = { bubbles: true, composed: true, cancelable: !detail, detail };
      return this.dispatchEvent(new CustomEvent(`ytproxy:${name}`, manner));
    }

    #press() {
      this.activate();
      this.#frame?.focus();
    }

    // The preview; a running player is left alone.
    #draw() {
      if (this.#frame || !this.isConnected) return;
      const get = (name) => this.getAttribute(name) || "";
      const [id] = get("videoid").match(/^[\w-]{11}$/) || [""];
      const list = get("playlistid");
      const start = get("start");
      const lang = this.closest("[lang]")?.lang || navigator.language;
      const query = new URLSearchParams(get("params"));
      const more = { list, start, end: get("end"), lang, element: 1 };
      for (const name in more) if (more[name]) query.set(name, more[name]);
      this.#path = (id || list) && `play/${id || "videoseries"}?${query}`;
      this.#slot.hidden = this.#path;
      this.#box.hidden = !this.#path;
      this.#box.lang = lang.startsWith("de") ? "de" : "en";
      const [play, notice, short, watch, back] = TEXTS[this.#box.lang];
      this.#back.textContent = back;
      this.#title = this.title || this.textContent.trim() || "YouTube";

      const name = [make("span", { className: "away" }, play, " "), make("bdi", { id: "title" }, this.#title)];
      const button = make("button", { id: "play", type: "button", onclick: () => this.#press() }, ...name);
      button.setAttribute("aria-describedby", "notice");
      const stage = make("div", { id: "stage" }, this.#picture(id, query.get("sig"), get), button);
      stage.style.aspectRatio = get("ratio");

      const long = make("span", { className: "long" }, notice);
      const brief = make("span", { className: "short", ariaHidden: true }, short);
      const page = new URL(id ? "watch" : "playlist", "https://www.youtube.com");
      const asked = { v: id, list, t: start };
      for (const key in asked) if (asked[key]) page.searchParams.set(key, asked[key]);
      this.#box.replaceChildren(
        stage,
        make(
          "div",
          { id: "bar" },
          make("p", { id: "notice", dir: "auto" }, long, brief),
          make("a", { id: "watch", href: page, rel: "noreferrer" }, make("span", {}, watch)),
        ),
      );
    }

    #picture(id, sig, get) {
      const own = this.querySelector("picture, img");
      if (own) return own.cloneNode(true);
      const image = { id: "picture", loading: "lazy", alt: "", sizes: "auto, 100vw" };
      if (get("poster")) return make("img", { ...image, src: get("poster") });
      if (!id) return "";
      const [width, height = 1] = get("ratio").split("/");
      const tall = width / height < 1 && width;
      const widths = tall ? [180, 360, 540, 720] : [320, 480, 640, 960, 1280];
      const address = (width, format) => {
        const name = `thumbnail/${id}/${tall ? "portrait-" : ""}${width}.${format}`;
        return new URL(sig ? `${name}?${new URLSearchParams({ sig })}` : name, root);
      };
      const source = (format) => {
        const srcset = widths.map((width) => `${address(width, format)} ${width}w`).join();
        return make("source", { type: `image/${format}`, sizes: image.sizes, srcset });
      };
      const fallback = make("img", { ...image, src: address(widths[2], "jpg") });
      return make("picture", {}, source("avif"), source("webp"), fallback);
    }
  }
  customElements.define("ytproxy-video", YtproxyVideo);
}
