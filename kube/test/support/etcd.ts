/** Asks etcd over its JSON gateway. */
async function call<T>(url: string, path: string, body: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Forgets all history, so that lists and watches from an older version get 410. Answers the revision kept. */
export async function compactEtcd(url: string): Promise<string> {
  const range = await call<{ header: { revision: string } }>(url, "/v3/kv/range", { key: "AA==" });
  const { revision } = range.header;
  await call(url, "/v3/kv/compaction", { revision, physical: true });
  return revision;
}
