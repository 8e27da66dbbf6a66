/** A page in Firefox, driven from Node by WebDriver BiDi. It accepts every certificate. */
import puppeteer from "puppeteer-core";
import { findFirefox } from "../../browser/firefox.ts";
import { driveByOrders, type DrivenPage, passOn } from "./page.ts";

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: findFirefox()!,
  acceptInsecureCerts: true,
});
try {
  const page = await browser.newPage();
  page.on("console", passOn);
  await driveByOrders(page as unknown as DrivenPage);
} finally {
  await browser.close();
}
