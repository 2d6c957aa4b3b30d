/** What is in force of files that may change, and the last reason why newer content was not taken. */
export interface ReloadState<T> {
  readonly current: T;
  /** The reason that was logged last; undefined after a read that went well. */
  readonly problem: string | undefined;
}

/** What one look at the files gave. */
export type Look<T> =
  | { readonly kind: "usable"; readonly value: T }
  | { readonly kind: "unusable"; readonly cause: string };

/** What follows from a look. */
export type ReloadStep<T> = { readonly state: ReloadState<T> } & (
  | { readonly kind: "unchanged" }
  /** The new content comes into force. */
  | { readonly kind: "swapped"; readonly before: T }
  /** The last good content stays, for a reason that is to be logged. */
  | { readonly kind: "kept"; readonly cause: string }
);

/**
 * The rule of a reload: content that can be used and differs comes into force; what cannot be used leaves the last good
 * content there, and its reason is told once, not at every look.
 *
 * ```
 *            usable, other                 unusable
 *   good ──▶ good (swapped)      good ──▶ kept, cause told ──┐ unusable, same cause: nothing
 *    ▲                                        │   ▲──────────┘ another cause: told
 *    └──────────── usable ────────────────────┘
 * ```
 */
export function reloadStep<T>(
  state: ReloadState<T>,
  look: Look<T>,
  same: (a: T, b: T) => boolean,
): ReloadStep<T> {
  switch (look.kind) {
    case "unusable":
      if (look.cause === state.problem) return { kind: "unchanged", state };
      return { kind: "kept", cause: look.cause, state: { current: state.current, problem: look.cause } };
    case "usable":
      if (same(state.current, look.value)) {
        return { kind: "unchanged", state: { current: state.current, problem: undefined } };
      }
      return {
        kind: "swapped",
        before: state.current,
        state: { current: look.value, problem: undefined },
      };
    default:
      return look satisfies never;
  }
}
