// What the element of ytproxy.js and our page in its *frame* have to say to each other, once there is a frame.
// Both look at origin, source and form of every message; the other side is static/play.js.

const TOLD = ["ready", "play", "pause", "ended"];
const PATIENCE = 100; // greetings, one each 100 ms

// Greets until the page answers. The promise is of a function that gives it an order: ("seek", 30).
export const bridge = (frame, origin, signal, tell) =>
  new Promise((answered) => {
    if (signal.aborted) return;
    const post = (name, seconds) => frame.contentWindow?.postMessage({ ytproxy: name, seconds }, origin);
    let left = PATIENCE;
    const greeting = setInterval(() => {
      if (frame.contentDocument?.URL === "about:blank") return; // not there yet: still of the page's own origin
      post("hello");
      if (--left) return;
      clearInterval(greeting);
      tell("error", { code: "silent" });
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
        } else if (TOLD.includes(name) && Number.isFinite(seconds)) tell(name, { seconds });
        else if (name === "error" && (code === "silent" || Number.isInteger(code))) tell(name, { code });
      },
      { signal },
    );
  });
