// Prints what CSP Evaluator finds in the policies that standard input names, as JSON.
import { CspEvaluator } from "csp_evaluator/dist/evaluator.js";
import { CspParser } from "csp_evaluator/dist/parser.js";
import { given } from "./chromium.mjs";

const judge = (policy) =>
  new CspEvaluator(new CspParser(policy).csp)
    .evaluate()
    .map(({ severity, directive, value, description }) => ({ severity, directive, value, description }));

const policies = await given();
process.stdout.write(
  JSON.stringify(Object.fromEntries(Object.entries(policies).map(([kind, policy]) => [kind, judge(policy)]))),
);
