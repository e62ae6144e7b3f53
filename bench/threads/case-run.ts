/**
 * The process of one round of a case. Prints what it measured, as JSON.
 *
 * Arguments: the file of the case, its name, and how it is measured (`Measuring`) as JSON.
 */
import { casesIn } from '../cases.js';
import { type Measuring, measureCase, planOf } from '../measuring.js';
import { VerificationError } from '../results.js';

const [file, name, measuring] = process.argv.slice(2) as [string, string, string];
try {
  const benchCase = (await casesIn(file)).find((found) => found.name === name);
  if (benchCase === undefined) throw new Error(`${file} has no ${name}`);
  const results = await measureCase(benchCase, planOf(JSON.parse(measuring) as Measuring, 1));
  // What failed half-way may have left threads behind.
  process.stdout.write(JSON.stringify(results), () => process.exit());
} catch (error) {
  console.error(error instanceof VerificationError ? error.message : error);
  process.exit(1);
}
