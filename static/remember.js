// Where visitors may have their videos load without a click: the choice on the preview, and the way back from it on every
// page of ours. It is a date in this browser's storage, which browsers keep apart for each site around our frame.
// Storage that fails, and anything in it that is not as we write it, means: ask before every video.
{
  const KEY = "ytproxy";
  const VERSION = 1;
  const DAY_MS = 86_400_000;
  const VISIBLE_PART = 0.25; // of a preview, from which it counts as displayed
  const STAY = "#preview"; // in a preview's address: the visitor has just come back from the player
  const { remember, days } = document.body.dataset;
  const all = (selector) => document.querySelectorAll(selector);
  const store = () => (remember === "always" ? localStorage : sessionStorage);
  const day = (time) => new Date(time).toISOString().slice(0, 10);
  const today = () => day(Date.now());

  const read = () => {
    try {
      return { works: true, text: store().getItem(KEY) };
    } catch {
      return { works: false, text: null };
    }
  };
  const isGiven = (text) => {
    try {
      const { v, d } = JSON.parse(text);
      const age = (Date.parse(today()) - Date.parse(d)) / DAY_MS;
      return v === VERSION && d === day(Date.parse(d)) && age >= 0 && age < days;
    } catch {
      return false;
    }
  };
  const isRemembered = () => !navigator.globalPrivacyControl && isGiven(read().text);
  const change = (how) => {
    try {
      how(store());
    } catch {
      // Then the next video asks again.
    }
  };
  const show = () => {
    const given = isRemembered();
    const offered = read().works && !navigator.globalPrivacyControl;
    for (const part of all(".remembered")) part.hidden = !given;
    for (const part of all(".not-remembered")) part.hidden = given;
    for (const part of all(".ask")) part.hidden = given || !offered;
  };

  const play = document.querySelector("a.play");
  const box = document.querySelector(".ask input");
  if (box) box.checked = false; // Firefox ticks it again after a reload
  let inView = false;
  const load = () => {
    if (!play || !inView || document.visibilityState !== "visible" || document.prerendering || !isRemembered()) return;
    // Neither right after the way back, nor where the server has just answered with the preview in the player's place.
    if (location.hash === STAY || new URLSearchParams(location.search).has("remembered")) return;
    inView = false;
    location.replace(`${play.href}&remembered=1`);
  };
  if (play) {
    play.addEventListener("click", () => {
      if (box.checked) change((storage) => storage.setItem(KEY, JSON.stringify({ v: VERSION, d: today() })));
    });
    const look = (entries) => {
      inView = entries.at(-1).intersectionRatio >= VISIBLE_PART;
      load();
    };
    new IntersectionObserver(look, { threshold: VISIBLE_PART }).observe(play);
    document.addEventListener("visibilitychange", load);
  }

  // The player's page has taken the preview's address (play.js).
  const back = document.querySelector(".back");
  back?.addEventListener("click", (event) => {
    if (!isRemembered()) return;
    event.preventDefault();
    history.replaceState(null, "", STAY);
    location.reload();
  });

  let held = isRemembered();
  const turn = () => {
    const given = isRemembered();
    if (held && !given) {
      stop(); // the player's page may be on its way
      if (back) location.replace(back.href);
    }
    held = given;
    show();
    load();
  };
  for (const button of all("button.remembered")) {
    button.addEventListener("click", () => {
      change((storage) => storage.removeItem(KEY));
      turn();
      (play ?? document.querySelector("[role=status]"))?.focus();
    });
  }
  addEventListener("storage", ({ key }) => {
    if (key === KEY || key === null) turn();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) turn();
  });

  const kept = read().text;
  if (kept !== null && !isGiven(kept)) change((storage) => storage.removeItem(KEY)); // "for so many days at most"
  show();
}
