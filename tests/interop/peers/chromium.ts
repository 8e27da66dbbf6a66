/** A page in Chromium, driven from Node. With an argument, it accepts every certificate. */
import process from "node:process";
import { findChromium, withPage } from "../../browser/chromium.ts";
import { driveByOrders, passOn } from "./page.ts";

await withPage(findChromium()!, async (page) => {
  page.on("console", passOn);
  await driveByOrders(page);
}, { anyCertificate: process.argv.length > 2 });
