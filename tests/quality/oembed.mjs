// Prints what unfurl.js and oembed-extractor find out about the links that standard input names, as JSON.
import { extract, setProviderList } from "@extractus/oembed-extractor";
import { unfurl } from "unfurl.js";
import { given } from "./chromium.mjs";

const { page, link, endpoint } = await given();
const discovered = { unfurl: (await unfurl(page)).oEmbed, extractor: await extract(page) };
setProviderList([
  {
    provider_name: "ytproxy",
    provider_url: endpoint,
    endpoints: [{ schemes: ["https://www.youtube.com/*"], url: endpoint }],
  },
]);
process.stdout.write(JSON.stringify({ ...discovered, provider: await extract(link, { maxwidth: 400 }) }));
