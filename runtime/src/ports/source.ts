import type { SqlColumn } from "./database.ts";

/**
 * A place that a dataset comes from (spec chapter 05, Sources). The rows stay in the engine: a scan is a relation of
 * the serving database, and the engine pushes projection, filters and limits into it.
 */
export interface Source {
  /** For messages: where it is, without secrets. */
  readonly location: string;
  readonly pushes: SourceCapabilities;
  /** The columns with their types in the engine. Throws {@link SourceError}, {@link UnsupportedTypeError}. */
  schema(signal?: AbortSignal): Promise<readonly SourceColumn[]>;
  /** Start one consistent read. The caller closes it. */
  open(request: SourceRequest, signal?: AbortSignal): Promise<SourceScan>;
  /**
   * The distinct tuples of `expressions` (SQL over the source's columns), evaluated by the source where it can, each
   * value as the text that the expression's text form gives.
   */
  distinct(
    expressions: readonly SourceExpression[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]>;
  /** Release connections. Safe to call twice. */
  close(): Promise<void>;
}

export interface SourceCapabilities {
  /** Only the needed columns are read. */
  readonly projection: boolean;
  /** Comparisons of columns with constants are evaluated where the data is, at least roughly. */
  readonly filters: boolean;
  /** The source consists of objects: `position` tells whether they changed, and `after` reads new ones only. */
  readonly objects: boolean;
}

export interface SourceColumn extends SqlColumn {
  readonly nullable: boolean;
}

export interface SourceExpression {
  /** DuckDB SQL over the source's columns, giving the value's text. */
  readonly textSql: string;
  /** The one column that it reads. */
  readonly column: string;
  /** SQL in the source's own dialect that gives the same text, where the source can evaluate it. */
  readonly sourceSql?: string;
}

export interface SourceRequest {
  /** Read only the objects that were not there at this position (append from object stores). */
  readonly after?: string;
  /** The scan's position must serve as `after` of a later one. */
  readonly track?: boolean;
}

export interface SourceScan {
  /** SQL usable after FROM. */
  readonly relation: string;
  /** A fingerprint of what is read: equal ones mean equal data. Null when the source cannot tell. */
  readonly position: string | null;
  /** True when the scan reads no object at all. */
  readonly empty: boolean;
  /** Whether what the scan reads is still what it was when it was opened: rows read meanwhile are all of one state. */
  isCurrent(signal?: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** The source cannot be reached or refused: nothing changed here, try again later. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly retryable: boolean;
  constructor(message: string, options: { cause?: unknown; retryable: boolean }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** A column's type cannot be kept without loss; the message names the column and the ways out. */
export class UnsupportedTypeError extends Error {
  override readonly name = "UnsupportedTypeError";
}

/** A parameter that the connector does not have, or a value that it cannot use. */
export class SourceParameterError extends Error {
  override readonly name = "SourceParameterError";
}
