// Old pages without touching them: frames that wait, links that stand alone, and two other elements' names become
// ytproxy.js's element. What is taken, and what is beyond help: docs/old-pages.md

const HOSTS = /^(?:(?:www\.)?youtube(?:-nocookie|education|kids)?|(?:m|music)\.youtube)\.com$/;
const PICTURES = /\/\/(?:img\.youtube|i\d?\.ytimg)\.com\//;
// As in ytproxy/youtube.py; tests/test_upgrade.py holds the two against each other.
const VIDEO = /^(?!videoseries$)[\w-]{10}[AEIMQUYcgkosw048]$/;
const LIST = /^(?:PL|UU|FL|LL|RD|EC|SP|TL|UL|PU|OLAK5uy_)[\w-]{10,64}$/;
const TIME = /^(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s?)?$/;
const MOVED = ["v", "vi", "list", "listType", "start", "t", "time_continue", "end"];

// Where lazy loading and consent scripts keep a frame's address: data-src, uc-src, data-src-cmplz, suppressedsrc, …
const WAITING = /src|^data-original$/;
const KEPT = ["id", "class", "title", "lang", "dir", "hidden"];
const OURS = "ytproxy-video, lite-youtube, embetty-video";

// Where the height is given, the picture gives way and the bar stays.
const fit = new CSSStyleSheet();
fit.replaceSync(`
#box { display: flex; flex-direction: column; block-size: 100% }
#stage { flex: auto; min-block-size: 0 }
`);
const around = new CSSStyleSheet();
around.replaceSync(`
lite-youtube:defined::before, lite-youtube:defined::after { content: none }
:where([ratio="9/16"], lite-youtube[short]) { max-inline-size: 22.5rem }
`);

const seconds = (text) => {
  const [, hours = 0, minutes = 0, rest = 0] = text?.match(TIME) ?? [];
  return +hours * 3600 + +minutes * 60 + +rest || "";
};

const asAddress = (text) => {
  if (/[\s\\]|[^\x21-\x7e]/.test(text)) return undefined; // browsers drop or change these
  try {
    const url = new URL(text.replace(/&(?:amp;|#0*38;)+/g, "&"), "https://relative.invalid");
    return /^https?:$/.test(url.protocol) && !url.username && !url.port ? url : undefined;
  } catch {
    return undefined;
  }
};

const isYouTubes = (text) => {
  const host = asAddress(text)?.hostname ?? "";
  return HOSTS.test(host) || host === "youtu.be";
};

// The element's attributes for a link or a frame's address; undefined if it shows no video and no list.
export const attributesFor = (text) => {
  const url = asAddress(text.trim());
  if (!url || !isYouTubes(text.trim())) return undefined;
  const [, ...segments] = url.pathname.replace(/\/$/, "").split("/");
  const [last = "", ...joined] = (segments.pop() ?? "").split("&"); // ID&autoplay=1
  const query = new URLSearchParams([joined.join("&"), url.search.slice(1)].filter(Boolean).join("&"));
  const [door, ...more] = [...segments, last];

  const list = (query.get("listType") || "playlist") === "playlist" ? query.get("list") : "";
  let id;
  if (url.hostname === "youtu.be") id = more.length ? "" : door;
  else if (["embed", "shorts", "live", "v", "e"].includes(door) && more.length === 1) [id] = more;
  else if (["watch", "embed"].includes(door) && !more.length) id = query.get("v");
  else if (door !== "playlist" || more.length) return undefined;
  if ((door === "embed" && id === "watch") || (door === "embed" && !id)) id = query.get("v");
  if (id === "videoseries") id = "";
  if (id && !VIDEO.test(id)) return undefined;
  const playlistid = LIST.test(list ?? "") ? list : "";
  if (!id && !playlistid) return undefined;

  const from = [query.get("start"), query.get("t"), query.get("time_continue"), url.hash.match(/[#&]t=(\w+)/)?.[1]];
  const start = id ? from.map(seconds).find(Boolean) : "";
  const end = seconds(query.get("end"));
  const ratio = door === "shorts" ? "9/16" : "";
  for (const name of MOVED) query.delete(name);
  const params = door === "embed" ? query : "";
  return { videoid: id ?? "", playlistid, start, end, params, ratio };
};

const warned = new Set();
const warn = (words) => {
  if (warned.has(words)) return;
  warned.add(words);
  console.warn(`ytproxy: ${words}`);
};

const make = (attributes) => {
  const element = document.createElement("ytproxy-video");
  element.shadowRoot.adoptedStyleSheets.push(fit);
  for (const name in attributes) if (attributes[name]) element.setAttribute(name, attributes[name]);
  return element;
};

// Pictures of YouTube's, and those that another script has yet to load, would be copied into the preview.
const dropPictures = (within) => {
  for (const picture of within.querySelectorAll("picture, img")) {
    const images = [picture, ...picture.querySelectorAll("*")];
    const sources = images.flatMap((one) => [one.getAttribute("src"), one.getAttribute("srcset")]).join(" ");
    if (PICTURES.test(sources) || !sources.trim()) picture.replaceWith(picture.getAttribute("alt") ?? "");
  }
};

const isOff = (element) => element.closest(`[data-ytproxy="off"], ${OURS}`) || element.isContentEditable;

const turnFrame = (frame) => {
  if (isOff(frame)) return;
  if (isYouTubes(frame.getAttribute("src") ?? "")) {
    const cure = "Put your video host in the place of YouTube's in its address.";
    warn(`A frame of this page has called YouTube already, which no script can undo. ${cure}`);
    return;
  }
  const waiting = [...frame.attributes].filter(({ name }) => name !== "src" && WAITING.test(name));
  const attributes = waiting.map(({ value }) => attributesFor(value)).find(Boolean);
  if (!attributes) return;

  const element = make(attributes);
  for (const name of KEPT) if (frame.hasAttribute(name)) element.setAttribute(name, frame.getAttribute(name));
  // Lazy loaders hide what bears their class until it has loaded.
  for (const name of [...element.classList]) if (/lazy/i.test(name)) element.classList.remove(name);
  const { style } = element;
  style.cssText = frame.style.cssText;
  const [width, height] = ["width", "height"].map((name) => frame.getAttribute(name) ?? "");
  const [width_px, height_px] = [width, height].map((size) => (size.endsWith("%") ? 0 : parseFloat(size) || 0));
  if (getComputedStyle(frame).position === "absolute")
    Object.assign(style, { position: "absolute", inset: "0", width: "100%", height: "100%" });
  else {
    if (width_px && height_px) element.setAttribute("ratio", `${width_px}/${height_px}`);
    else if (height_px) style.height ||= `${height_px}px`;
    style.width ||= width_px ? `${width_px}px` : width;
    style.maxWidth ||= "100%";
  }
  frame.replaceWith(element);
};

const turnLink = (link) => {
  const { parentElement: block } = link;
  const others = [...block.childNodes].filter((one) => one !== link && one.localName !== "figcaption");
  if (others.some((one) => one.nodeType === Node.ELEMENT_NODE || one.textContent.trim()) || isOff(link)) return;
  const attributes = attributesFor(link.getAttribute("href"));
  if (!attributes) return;
  const name = link.title || link.textContent.trim() || link.querySelector("[alt]")?.alt || "YouTube";
  dropPictures(link);
  const element = make({ ...attributes, title: isYouTubes(name) ? "YouTube" : name });
  link.replaceWith(element);
  element.append(link);
};

const turnAll = (within) => {
  const found = (selector) => [...(within.matches?.(selector) ? [within] : []), ...within.querySelectorAll(selector)];
  found("iframe").forEach(turnFrame);
  // Of a page that is still coming in nobody knows whether a link will stay alone.
  if (document.readyState !== "loading") found("p > a[href], figure > a[href]").forEach(turnLink);
};

const textOf = (element) =>
  [...element.childNodes]
    .filter((one) => one.localName !== "noscript")
    .map((one) => one.textContent)
    .join("")
    .trim();

// The other elements' own words for ours. What is not named here, `autoload` above all, has no effect.
const aliases = (Video) => {
  class Alias extends Video {
    constructor() {
      super();
      this.shadowRoot.adoptedStyleSheets.push(fit);
    }

    connectedCallback() {
      if (PICTURES.test(this.style.backgroundImage)) this.style.backgroundImage = "none";
      super.connectedCallback();
    }

    // Also of what came later: the preview takes over a picture inside.
    draw() {
      dropPictures(this);
      super.draw();
    }

    read(name) {
      const get = (other) => this.getAttribute(other) ?? "";
      return this.words[name]?.(get) ?? super.read(name);
    }
  }

  class LiteYouTube extends Alias {
    static observedAttributes = [...Video.observedAttributes, "videotitle", "videostartat", "playlabel", "short"];

    words = {
      title: (get) =>
        get("videotitle") ||
        get("title") ||
        get("playlabel").replace(/^play[^:]*:\s*/i, "") ||
        textOf(this) ||
        "YouTube",
      start: (get) => get("videostartat") || get("start"),
      ratio: (get) => get("ratio") || (this.hasAttribute("short") ? "9/16" : ""),
      poster: () => this.style.backgroundImage.match(/^url\("(.+)"\)$/)?.[1] ?? "",
    };
  }

  class EmbettyVideo extends Alias {
    static observedAttributes = [...Video.observedAttributes, "type", "video-id", "poster-image", "start-at"];

    words = {
      videoid: (get) => (get("type") === "youtube" ? get("video-id") : ""),
      playlistid: () => "",
      poster: (get) => get("poster-image"),
      start: (get) => get("start-at"),
      ratio: (get) => (get("width") && get("height") ? `${get("width")}/${get("height")}` : ""),
    };
  }
  return { "lite-youtube": LiteYouTube, "embetty-video": EmbettyVideo };
};

let upgraded = false;

// Turns what is there and what will be added. A second call does nothing.
export const upgrade = () => {
  if (upgraded) return;
  upgraded = true;
  document.adoptedStyleSheets.push(around);
  for (const [name, Class] of Object.entries(aliases(customElements.get("ytproxy-video")))) {
    if (!customElements.get(name)) customElements.define(name, Class);
    else warn(`<${name}> belongs to another script, which may call YouTube. Take that script out of the page.`);
  }
  turnAll(document);
  document.addEventListener("DOMContentLoaded", () => turnAll(document));
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE && node.isConnected) turnAll(node);
  }).observe(document, { childList: true, subtree: true });
};
