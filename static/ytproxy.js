// <ytproxy-video>: docs/element.md
(async () => {
  const [address] = new Error().stack.match(/http\S+?(?=:\d+:\d+)/);
  const at = (path) => new URL(path, address);
  const load = (name) => import(at(`${name}.js`));
  const loadPlayer = () => (Video.player ??= load("ytproxy-player"));
  const wants = (name) => document.querySelector(`script[src*=ytproxy][data-${name}]`);

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host { display: block; container-type: inline-size; min-inline-size: 10rem; font-size: .875rem; line-height: 1.3 }
:host([hidden]), #box + slot { display: none }
#box {
  position: relative; overflow: hidden; border-radius: var(--ytproxy-radius);
  color: var(--ytproxy-ink, #fff); background: var(--ytproxy-ground, #0b0d12);
}
button { all: unset; cursor: pointer }
#stage { position: relative; aspect-ratio: 16/9; color: #fff; background: radial-gradient(#2a3142, #0b0d12) }
#stage *, #play::before, #play::after {
  position: absolute; inset: 0; inline-size: 100%; block-size: 100%; box-sizing: border-box;
}
img { object-fit: cover }
#picture[srcset] { object-fit: contain }
#play::before, #play::after {
  content: ""; margin: auto; inline-size: clamp(2.5rem, 14cqi, 5rem); block-size: auto; aspect-ratio: 1;
}
#play::before { border: 2px solid; border-radius: 50%; background: var(--ytproxy-play, #0b0d12b3) }
#play:hover::before { background: #0b0d12 }
#play::after { background: #fff; clip-path: polygon(40% 30%, 40% 70%, 70% 50%) }
#title { padding: .6em .9em; background: linear-gradient(#0b0d12e6, #0000 5em); font-weight: bold }
:focus-visible { outline: 3px solid; outline-offset: -3px; box-shadow: inset 0 0 0 6px #0b0d12 }
#bar {
  display: grid; grid: auto/2fr 1fr; align-items: center; gap: .9em; min-block-size: 2.75rem; padding-inline: .9em;
}
#watch { min-block-size: 1.75rem; align-content: center; text-align: end; color: inherit }
.play, .opens_youtube { position: absolute; clip-path: inset(50%) }
@container (width < 40rem) { .notice { position: absolute; clip-path: inset(50%) } }
@container (width >= 40rem) { .notice_short { display: none } }
@media (forced-colors: active) { #play::after { background: CanvasText; forced-color-adjust: none } }
@media print {
  #box, #stage, #title { color: #000; background: none }
  #notice, #play::before, #play::after { display: none }
  #watch::after { content: attr(href) }
}`);

  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), { part: properties.id ?? "" }, properties);
    element.append(...children);
    return element;
  };
  const text = (className, english) => make("span", { className }, english);
  const ask = (url, query) => {
    for (const name in query) if (query[name]) url.searchParams.set(name, query[name]);
    return url;
  };

  class Video extends HTMLElement {
    static observedAttributes = ["videoid", "playlistid", "start", "end", "params", "title", "poster", "lang", "ratio"];

    static async say(box, tag) {
      const [lang] = tag.toLowerCase().match(/^\w*/);
      if (lang === "en") return;
      const { default: texts } = await load(`texts/${lang}`);
      Object.assign(box, { lang, dir: texts.direction });
      for (const part of box.querySelectorAll("[class]")) part.textContent = texts[part.className] ?? part.textContent;
    }

    static {
      for (const name of ["activate", "play", "pause", "seekTo", "stop"])
        this.prototype[name] = function (...given) {
          const part = (name) => this.shadowRoot.querySelector(name);
          loadPlayer().then(
            () => this[name](...given),
            () => part("#play")?.replaceWith(part("#watch")),
          );
        };
    }

    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      shadow.append("", make("slot", { onslotchange: () => this.draw() }));
      for (const sign of ["pointerenter", "focusin"]) this.addEventListener(sign, () => loadPlayer().catch(() => (Video.player = null)));
    }

    connectedCallback() {
      this.draw();
    }

    connectedMoveCallback() {}

    disconnectedCallback() {
      if (this.active) this.stop();
    }

    attributeChangedCallback() {
      if (this.src) this.draw();
    }

    read(name) {
      return this.getAttribute(name) ?? "";
    }

    draw() {
      const [id] = this.read("videoid").match(/^[\w-]{11}$|$/);
      const list = this.read("playlistid");
      const start = this.read("start");
      const lang = (this.closest("[lang]") ?? document.documentElement).lang || navigator.language;
      this.src = at(`../play/${id || "videoseries"}`);
      this.src.search = this.read("params");
      ask(this.src, { list, start, end: this.read("end"), lang, element: 1 });

      const title = make("bdi", { id: "title" }, this.read("title") || this.textContent.trim() || "YouTube");
      const play = make("button", { id: "play" }, text("play", "Play:"), " ", title);
      play.onclick = (click) => this.activate(click);
      play.setAttribute("aria-describedby", "notice");
      const ratio = this.read("ratio") || "16/9";
      const stage = make("div", { id: "stage" }, this.#picture(id, ratio), play);
      stage.style.aspectRatio = ratio;

      const page = new URL(id ? "watch" : "playlist", "https://www.youtube.com");
      const bar = make(
        "div",
        { id: "bar" },
        make(
          "div",
          { id: "notice" },
          text("notice", "A click connects to YouTube (Google), which then receives your IP address and device data."),
          text("notice_short", "Click loads YouTube"),
        ),
        make(
          "a",
          { id: "watch", href: ask(page, { v: id, list, t: start }), target: "_blank", rel: "noopener noreferrer" },
          text("watch", "Watch on YouTube"),
          " ",
          text("opens_youtube", "opens YouTube in a new tab"),
        ),
      );
      const box = id || list ? make("div", { id: "box", lang: "en" }, stage, bar) : make("div", {});
      this.shadowRoot.firstChild.replaceWith(box);
      Video.say(box, lang).catch(() => {});
    }

    #picture(id, ratio) {
      const own = this.querySelector("picture, img");
      if (own) return own.cloneNode(true);
      const image = { id: "picture", loading: "lazy", alt: "", sizes: "auto, 100vw" };
      const src = this.read("poster");
      if (src) return make("img", { ...image, src });
      if (!id) return "";
      const [width, height] = ratio.split("/");
      const [shape, widths] = +width < height ? ["portrait-", [180, 360, 540, 720]] : ["", [320, 480, 640, 960, 1280]];
      const sig = this.src.searchParams.get("sig");
      const thumbnail = (name) => ask(at(`../thumbnail/${id}/${shape}${name}`), { sig });
      const srcset = widths.map((width) => `${thumbnail(width + ".avif")} ${width}w`).join();
      return make("img", { ...image, srcset, src: thumbnail(widths[2] + ".jpg"), onerror() { this.onerror = this.srcset = "" } });
    }
  }

  if (wants("remember")) await load("ytproxy-consent").catch(() => {});
  if (customElements.get("ytproxy-video")) return;
  customElements.define("ytproxy-video", Video);
  if (wants("upgrade")) (await load("ytproxy-upgrade")).upgrade();
})();
