/** Where a Firefox is. */
import { existsSync } from "node:fs";
import process from "node:process";

const USUAL_PATHS = [
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
  "/Applications/Firefox.app/Contents/MacOS/firefox",
  "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
];

/** Where a Firefox is: the variable FIREFOX_PATH, or a usual place. */
export function findFirefox(): string | undefined {
  return process.env["FIREFOX_PATH"] ?? USUAL_PATHS.find((path) => existsSync(path));
}
