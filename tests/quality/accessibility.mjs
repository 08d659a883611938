// Prints what axe-core and pa11y find on the pages that standard input names, before and after the click, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import pa11y from "pa11y";
import { given, launch } from "./chromium.mjs";

const PLAYER = "www.youtube-nocookie.com";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RUN_AXE = `axe.run({ iframes: false, resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })`;
const VIEWS = [
  { width: 320, height: 640, scheme: "dark" },
  { width: 1200, height: 800, scheme: "light" },
];

const hostOf = (frame) => URL.parse(frame.url())?.hostname;

// Each of our documents by itself. The player is the stand-in's: what it says of YouTube's is nothing.
async function axe(page) {
  const found = [];
  for (const frame of page.frames().filter((frame) => hostOf(frame) !== PLAYER)) {
    if (await frame.evaluate("typeof axe === 'undefined'")) await frame.evaluate(AXE);
    const { violations } = await frame.evaluate(RUN_AXE);
    for (const { id, nodes } of violations) {
      for (const { html, failureSummary } of nodes) found.push(`axe ${id}: ${html} ${failureSummary}`);
    }
  }
  return found;
}

async function htmlcs(page, viewport) {
  const { issues } = await pa11y(page.url(), { browser: page.browser(), page, ignoreUrl: true, viewport });
  return issues.map(({ code, context, message }) => `pa11y ${code}: ${context} ${message}`);
}

// Text that a narrow window makes one scroll sideways for is hard to read.
async function reflow(page) {
  const [width, room] = await page.evaluate(
    () => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth],
  );
  return width > room ? [`reflow: ${width} px in a window of ${room} px`] : [];
}

async function click(page, selector) {
  for (const frame of page.frames()) {
    const target = await frame.$(selector);
    if (target) {
      await target.click();
      while (!page.frames().some((frame) => hostOf(frame) === PLAYER)) await wait(50);
      return;
    }
  }
  throw new Error(`${page.url()} has no ${selector}`);
}

const plan = await given();
const browser = await launch(plan);
const page = await browser.newPage();
const found = {};
try {
  for (const { name, url, play } of plan.pages) {
    await page.goto(url);
    await page.waitForNetworkIdle({ idleTime: 100 });
    for (const phase of play ? ["before", "after"] : ["before"]) {
      if (phase === "after") await click(page, play);
      for (const { scheme, ...viewport } of VIEWS) {
        await page.setViewport(viewport);
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        found[`${name}, ${phase} the click, ${viewport.width} px`] = [
          ...(await axe(page)),
          ...(await htmlcs(page, viewport)),
          ...(await reflow(page)),
        ];
      }
    }
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(found));
