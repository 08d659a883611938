// Prints what html-validate finds in the files that standard input names, as JSON.
import { basename } from "node:path";
import { HtmlValidate } from "html-validate";
import { given } from "./chromium.mjs";

const judge = new HtmlValidate({
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:browser"],
  rules: {
    "doctype-style": ["error", { style: "lowercase" }],
    "require-sri": "off", // all that a page loads is from the server that wrote it, or that its owner runs
  },
});

const { results } = await judge.validateMultipleFiles(await given());
const found = results.flatMap(({ filePath, messages }) =>
  messages.map(({ line, ruleId, message }) => `${basename(filePath)}:${line}: ${ruleId}: ${message}`),
);
process.stdout.write(JSON.stringify(found));
