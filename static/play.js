// The player's page. It takes the preview's address, so that Back, reload and restore show the preview, not the player.
{
  const { dataset, classList } = document.body;
  const preview = new URL(dataset.preview, document.baseURI).href;
  try {
    history.replaceState(null, "", preview);
  } catch {
    // A sandboxed frame without allow-same-origin may not do this; the player still has to start.
  }
  document.querySelector(".back").href = preview; // relative, it would now be resolved against the new address

  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(preview);
  });

  const frame = document.querySelector("iframe");
  const fault = document.querySelector(".fault");
  const player = new URL(frame.src);
  const asked = (name) => player.searchParams.get(name);
  const speaks = asked("enablejsapi") === "1";
  const clicked = asked("autoplay") === "1"; // else a choice made earlier has loaded this video

  // Firefox, Safari and most phones do not pass the visitor's click on to a new document, so `autoplay=1` alone fails
  // there; the player's own messages ask it once more. YouTube's script for that is never loaded: it sets cookies.
  const say = (message) => {
    frame.contentWindow.postMessage(JSON.stringify({ id: 1, channel: "widget", ...message }), player.origin);
  };
  const command = (func, ...args) => say({ event: "command", func, args });
  const PLAYING = 1;
  const RUNNING = [PLAYING, 3]; // 3: buffering
  const STATES = { 0: "ended", 1: "play", 2: "pause" };
  let greeting, silence, state;
  let answered = false;
  let seconds = 0;

  // The element around this page (ytproxy.js) hears what the player does once it has said hello, and may give orders.
  // `said` is for one that comes late: the last word on each matter.
  let element;
  const said = new Map();
  const waiting = [];
  const tell = (matter, message) => {
    said.set(matter, message);
    if (element) parent.postMessage(message, element);
  };

  const loading = document.querySelector(".loading");
  const wait = (words) => {
    loading.textContent = words;
  };
  const fail = (code) => {
    wait("");
    const words = document.createElement("span");
    words.textContent = fault.dataset[code] ?? fault.dataset.other;
    fault.replaceChildren(words, document.querySelector(".watch").cloneNode(true));
    tell("fault", { ytproxy: "error", code });
  };
  const recover = () => {
    fault.replaceChildren();
    said.delete("fault");
  };

  const begin = (info) => {
    answered = true;
    wait("");
    clearInterval(greeting);
    clearTimeout(silence);
    recover();
    for (const event of ["onStateChange", "onError", "onAutoplayBlocked"]) command("addEventListener", event);
    tell("ready", { ytproxy: "ready", seconds });
    if (clicked && !RUNNING.includes(info?.playerState)) command("playVideo");
    for (const order of waiting) command(...order);
  };
  const turn = (next) => {
    if (next === state) return;
    state = next;
    if (state === PLAYING) recover();
    if (state in STATES) tell("state", { ytproxy: STATES[state], seconds });
  };

  const hear = (data) => {
    let answer;
    try {
      answer = JSON.parse(data);
    } catch {
      return;
    }
    const { event, info } = Object(answer);
    if (Number.isFinite(info?.currentTime)) seconds = info.currentTime;
    if (!answered && ["initialDelivery", "onReady"].includes(event)) begin(info);
    if (event === "onError" && Number.isInteger(info)) fail(info);
    turn(event === "onStateChange" ? info : (info?.playerState ?? state));
  };
  const obey = ({ ytproxy: order, seconds: to }) => {
    const known = { play: ["playVideo"], pause: ["pauseVideo"], seek: to >= 0 && ["seekTo", to, true] };
    if (!Object.hasOwn(known, order) || !known[order]) return;
    if (answered) command(...known[order]);
    else waiting.push(known[order]);
  };

  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow && event.origin === player.origin) {
      if (speaks) hear(event.data);
    } else if (event.source === parent && parent !== window && event.origin === (element ?? event.origin)) {
      const message = Object(event.data);
      if (element) obey(message);
      else if (message.ytproxy === "hello" && event.origin !== "null") {
        element = event.origin;
        parent.postMessage({ ytproxy: "hello" }, element);
        for (const word of said.values()) parent.postMessage(word, element);
      }
    }
  });

  // Not in the frame's load event, which may have passed before this script came. A player that was given another
  // origin than this page's, which a proxy in between can cause, hears nothing; its silence says nothing either.
  if (speaks) {
    wait(loading.dataset.text);
    greeting = setInterval(() => say({ event: "listening" }), 250);
    setTimeout(() => {
      clearInterval(greeting);
      wait("");
    }, 30_000);
    if (asked("origin") === location.origin) silence = setTimeout(() => fail("silent"), 10_000);
  }
  if (clicked && (!classList.contains("element") || document.hasFocus())) frame.focus();
}
