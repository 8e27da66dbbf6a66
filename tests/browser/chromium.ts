/** A real Chromium, driven over its debugging protocol by playwright-core. */
import { existsSync } from "node:fs";
import process from "node:process";

/** The part of a playwright page that the tests use. */
export interface Page {
  goto(url: string): Promise<unknown>;
  title(): Promise<string>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  innerText(selector: string): Promise<string>;
  isVisible(selector: string): Promise<boolean>;
  waitForSelector(selector: string): Promise<unknown>;
  evaluate<Result, Argument>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
}

interface Browser {
  newPage(options: { ignoreHTTPSErrors: boolean }): Promise<Page>;
  close(): Promise<void>;
}

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** Where a Chromium is: the variable CHROMIUM_PATH, or a usual place. */
export function findChromium(): string | undefined {
  return process.env["CHROMIUM_PATH"] ?? USUAL_PATHS.find((path) => existsSync(path));
}

/** Opens a blank page in a browser of its own, which is gone when `use` has ended. */
export async function withPage(
  executablePath: string,
  use: (page: Page) => Promise<void>,
  { anyCertificate = false }: { anyCertificate?: boolean } = {},
): Promise<void> {
  // The name is no literal: only Node has the package, the other runtimes need not resolve it.
  const name: string = "playwright-core";
  const { chromium } = await import(name);
  const browser: Browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await use(await browser.newPage({ ignoreHTTPSErrors: anyCertificate }));
  } finally {
    await browser.close();
  }
}
