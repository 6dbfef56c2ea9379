/* Reads {chrome, flags, pages: [{url, cookie, skipped}]} and writes one line of JSON a page: what Lighthouse gives it. */
import { readFileSync } from "node:fs";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];
const WORTH_TELLING = 0.9;

const { chrome, flags, pages } = JSON.parse(readFileSync(0, "utf8"));

/* The audits that cost a category points, worst first. */
const reasons = (result, category) =>
  category.auditRefs
    .filter(({ id, weight }) => weight && (result.audits[id].score ?? 1) < WORTH_TELLING)
    .sort((one, other) => other.weight - one.weight)
    .map(({ id }) => `${id}${result.audits[id].displayValue ? ` (${result.audits[id].displayValue})` : ""}`);

const browser = await launch({ chromePath: chrome, chromeFlags: flags, ignoreDefaultFlags: false, logLevel: "silent" });
try {
  for (const { url, cookie, skipped } of pages) {
    const options = {
      port: browser.port,
      output: "json",
      logLevel: "error",
      onlyCategories: CATEGORIES,
      skipAudits: skipped,
      extraHeaders: cookie ? { Cookie: cookie } : {},
    };
    const { lhr } = await lighthouse(url, options);
    const scores = CATEGORIES.map((id) => Math.round((lhr.categories[id].score ?? 0) * 100));
    const why = CATEGORIES.flatMap((id) => reasons(lhr, lhr.categories[id]));
    const failed = lhr.runtimeError ? [lhr.runtimeError.message] : [];
    console.log(JSON.stringify({ scores, why: [...failed, ...why] }));
  }
} finally {
  browser.kill();
}
