// Prints Lighthouse's verdict on the page that standard input names, as a desktop computer sees it: the scores, what fell
// short, and how far things moved while the page loaded.
import lighthouse, { desktopConfig } from "lighthouse";
import { given, launch } from "./chromium.mjs";

const CATEGORIES = ["performance", "accessibility", "best-practices"];

const plan = await given();
const browser = await launch(plan);
try {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const options = { port, logLevel: "error", onlyCategories: CATEGORIES, disableFullPageScreenshot: true };
  const { lhr } = await lighthouse(plan.url, options, desktopConfig);
  const short = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 1);
  const verdict = {
    scores: Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(lhr.categories[name].score * 100)])),
    short: short.map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`),
    layout_shift: lhr.audits["cumulative-layout-shift"].numericValue,
    failed: lhr.runtimeError ?? null,
  };
  process.stdout.write(JSON.stringify(verdict));
} finally {
  await browser.close();
}
