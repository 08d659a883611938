// The installed Chromium, steered by Puppeteer. The stand-in YouTube is its proxy; the loopback is asked directly.
import { text } from "node:stream/consumers";
import puppeteer from "puppeteer";

export const given = async () => JSON.parse(await text(process.stdin));

export const launch = ({ chromium, proxy }) =>
  puppeteer.launch({
    executablePath: chromium,
    acceptInsecureCerts: true,
    args: [`--proxy-server=${proxy}`, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
  });
