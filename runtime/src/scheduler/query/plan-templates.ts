import type { TableNeeds } from "../../core/query/bound/table-needs.ts";
import type { UseEdge } from "../../core/query/plan/reductions.ts";
import type { ResolvedStatement } from "../../core/query/plan/resolve.ts";
import { fillNeeds, fillTree, findSlots, type Slot } from "../../core/query/shape/slots.ts";
import { type TextLiteral, type TextShape, textShape } from "../../core/query/shape/text-shape.ts";
import type { OutputColumn } from "../../core/query/split/block.ts";
import type { ParsedStatement } from "../../core/query/tree/read-tree.ts";
import { rewrite } from "../../core/query/tree/walk.ts";
import { Recent } from "../../core/recent.ts";

/** What the engine said of a statement over empty tables. */
export interface BoundStatement {
  readonly columns: readonly OutputColumn[];
  /** By use; undefined when the engine could not plan it. */
  readonly needs: ReadonlyMap<number, TableNeeds> | undefined;
  readonly edges: readonly UseEdge[];
  /** Result columns of parts of the statement, by their text. */
  readonly described: Recent<string, readonly OutputColumn[]>;
  /** The part of the statement whose text has its columns in `described`. */
  readonly asDescribed: <T>(part: T) => T;
}

interface Template {
  readonly key: string;
  readonly parsed: ParsedStatement;
  readonly shape: TextShape;
  readonly slots: readonly Slot[];
  readonly columns: string;
  readonly bound: BoundStatement;
}

interface Instance {
  readonly template: Template;
  readonly values: readonly TextLiteral[];
  readonly replaced: ReadonlyMap<unknown, unknown>;
}

/** Parts of one statement whose columns are remembered. */
export const describedParts = 32;
const templates = 500;

/**
 * Statements that were planned, for planning others that differ from them only in values that nothing but the choice
 * of rows depends on (`core/query/shape`): those are neither parsed nor bound again. Pruning, the choice of holders,
 * the split and the texts of fragments are made for each statement anew.
 */
export class PlanTemplates {
  /** By shape, which literals are slots. */
  readonly #slots = new Recent<string, readonly Slot[]>(templates);
  readonly #templates = new Recent<string, Template>(templates);
  readonly #instances = new WeakMap<ParsedStatement, Instance>();

  /** The parsed statement of a text, when one like it was planned before. */
  parse(sql: string): ParsedStatement | undefined {
    const shape = textShape(sql);
    const slots = shape === undefined ? undefined : this.#slots.get(shape.key);
    if (shape === undefined || slots === undefined) return undefined;
    const template = this.#templates.get(keyOf(shape, slots));
    if (template === undefined) return undefined;
    const { node, replaced } = fillTree(template.parsed.node, template.slots, shape.literals);
    const parsed = { ...template.parsed, node };
    this.#instances.set(parsed, { template, values: shape.literals, replaced });
    return parsed;
  }

  /** What is known of a statement that `parse` made; undefined for any other, or when its table has changed. */
  bound(parsed: ParsedStatement, statement: ResolvedStatement): BoundStatement | undefined {
    const instance = this.#instances.get(parsed);
    if (instance === undefined) return undefined;
    const { template, values, replaced } = instance;
    const [needs] = template.bound.needs?.values() ?? [];
    const filled =
      needs === undefined || columnsOf(statement) !== template.columns
        ? undefined
        : fillNeeds(needs, template.slots, template.shape.literals, values);
    if (filled === undefined) return undefined;
    return {
      ...template.bound,
      needs: new Map([[0, filled]]),
      asDescribed: (part) => rewrite(part, (object) => replaced.get(object)),
    };
  }

  /** True when the statement came from a template, which then is not used again. */
  forget(parsed: ParsedStatement): boolean {
    const instance = this.#instances.get(parsed);
    if (instance === undefined) return false;
    this.#slots.delete(instance.template.shape.key);
    this.#templates.delete(instance.template.key);
    return true;
  }

  /** Remember a statement that was parsed from `sql` and planned, if others can differ from it in slots. */
  learn(sql: string, parsed: ParsedStatement, statement: ResolvedStatement, bound: BoundStatement): void {
    const [needs, second] = bound.needs?.values() ?? [];
    const shape = needs === undefined || second !== undefined ? undefined : textShape(sql);
    if (needs === undefined || shape === undefined) return;
    const slots = findSlots(parsed.node, shape, statement);
    if (slots.length === 0) return;
    if (fillNeeds(needs, slots, shape.literals, shape.literals) === undefined) return;
    const key = keyOf(shape, slots);
    this.#slots.set(shape.key, slots);
    this.#templates.set(key, { key, parsed, shape, slots, columns: columnsOf(statement), bound });
  }
}

/** The shape with the values of all literals that are no slots. */
function keyOf({ key, literals }: TextShape, slots: readonly Slot[]): string {
  const free = new Set(slots.map(({ literal }) => literal));
  return `${key}\0${JSON.stringify(literals.map(({ value }, i) => (free.has(i) ? null : value)))}`;
}

function columnsOf({ uses }: ResolvedStatement): string {
  return JSON.stringify(
    uses.map(({ table }) => [table.fullName, table.columns.map((c) => [c.name, c.type])]),
  );
}
