// The browsers whose engines there are, as Debian has them. Each opens pages, as tabs of one window.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { EXECUTABLE, FLAGS } from "./ground.mjs";
import { DRIVER, SCREEN, startWebKit } from "./webkit.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** What each needs, by the package that has it, and what starts it. */
export const ENGINES = {
  Chromium: { needs: { chromium: EXECUTABLE }, start: () => launch({ executablePath: EXECUTABLE, args: FLAGS }) },
  Firefox: { needs: { "firefox-esr": FIREFOX }, start: () => launch({ browser: "firefox", executablePath: FIREFOX }) },
  WebKitGTK: { needs: { "webkit2gtk-driver": DRIVER, xvfb: SCREEN }, start: startWebKit },
};

/** What is to be installed first, in a sentence; or nothing. */
export function lacks({ needs }) {
  const missing = Object.keys(needs).filter((each) => !existsSync(needs[each]));
  return missing.length > 0 && `It is not here: apt install ${missing.join(" ")}`;
}

async function launch(options) {
  const browser = await puppeteer.launch(options);
  return {
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      return {
        reload: () => page.reload(),
        /** Behind another tab. */
        hide: () => browser.newPage(),
        show: () => page.bringToFront(),
        offline: () => page.setOfflineMode(true),
        online: () => page.setOfflineMode(false),
        /** Resolves with what the expression, or its promise, gives. */
        run: (expression) => page.evaluate(expression),
        close: () => page.close(),
      };
    },
    stop: () => browser.close(),
  };
}
