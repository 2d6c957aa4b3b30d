/** The folders beside `cluster.json` in which only a cluster writes. */
export const stateFolders = ["app/", "assignments/", "heartbeats/"] as const;

const stateKey = /^(app\/[0-9a-f]{64}\.yaml|assignments\/[0-9a-f]{64}\.json|heartbeats\/[^/]+\.json)$/;

/** Whether an object under a state location, other than the document itself, is a cluster's: by the form of its name. */
export function isStateKey(key: string): boolean {
  return stateKey.test(key);
}
