// The player's page. It takes the preview's address, so that Back, reload and restore show the preview, not the player.
{
  const preview = new URL(document.body.dataset.preview, document.baseURI).href;
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
  const player = new URL(frame.src);
  const asked = (name) => player.searchParams.get(name) === "1";

  // Firefox, Safari and most phones do not pass the visitor's click on to a new document, so `autoplay=1` alone fails
  // there; the player's own messages ask it once more. YouTube's script for that is never loaded: it sets cookies.
  const say = (message) => frame.contentWindow.postMessage(JSON.stringify({ id: 1, channel: "widget", ...message }), player.origin);
  const RUNNING = [1, 3]; // playing, buffering
  let greeting;

  addEventListener("message", (event) => {
    if (!greeting || event.origin !== player.origin || event.source !== frame.contentWindow) return;
    let answer;
    try {
      answer = JSON.parse(event.data);
    } catch {
      return;
    }
    if (answer?.event !== "initialDelivery" && answer?.event !== "onReady") return;
    clearInterval(greeting);
    greeting = undefined;
    if (!RUNNING.includes(answer.info?.playerState)) say({ event: "command", func: "playVideo", args: [] });
  });

  // Not in the frame's load event, which may have passed before this script came.
  if (asked("autoplay") && asked("enablejsapi")) {
    greeting = setInterval(() => say({ event: "listening" }), 250);
    setTimeout(() => clearInterval(greeting), 30_000);
  }
  frame.focus();
}
