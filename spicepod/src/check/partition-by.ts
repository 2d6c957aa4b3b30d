import type { CheckContext } from "./context.ts";

/** Every partition expression is one that the runtime can evaluate (spec chapter 03). */
export function checkPartitionExpressions(context: CheckContext): void {
  const problemOf = context.options.partitionExpression;
  if (problemOf === undefined) return;
  for (const { path, acceleration } of [...context.spicepod.datasets, ...context.spicepod.views]) {
    acceleration?.partitionBy.forEach(({ expression }, i) => {
      const problem = problemOf(expression);
      if (problem !== undefined) context.fail(`${path}.acceleration.partition_by[${i}]`, problem);
    });
  }
}
