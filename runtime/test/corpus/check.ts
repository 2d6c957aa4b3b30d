import type { Database } from "../../src/ports/database.ts";
import { answerOf } from "./answer.ts";
import { type CompareOptions, compareAnswers, type Difference } from "./compare.ts";
import type { Answer, CorpusQuery } from "./query.ts";
import { checkLimited, checkWitness } from "./validity.ts";

/**
 * Check one answer against a DuckDB that holds all rows. The plain comparison comes first; the dearer statements (the
 * full result, the witness) run only when it finds a difference that they may excuse.
 */
export async function checkAnswer(
  truth: Pick<Database, "withConnection">,
  query: Pick<CorpusQuery, "sql" | "comparison">,
  answer: Answer,
  options: CompareOptions = {},
): Promise<Difference | undefined> {
  const { order, full, witness } = query.comparison;
  const expected = await answerOf(truth, query.sql);
  const difference = compareAnswers(expected, answer, order, options);
  if (difference === undefined || difference.kind === "columns") return difference;
  if (full !== undefined) return checkLimited(expected, await answerOf(truth, full), answer, order, options);
  if (witness !== undefined) {
    const allowed = await answerOf(truth, witness.sql);
    return checkWitness(expected, allowed, answer, witness.rules, order, options);
  }
  return difference;
}
