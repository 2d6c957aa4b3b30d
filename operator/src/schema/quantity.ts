const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** What the API server accepts as a quantity. */
export const quantityPattern =
  "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$";

/** Longer than any quantity that means something; rules that read quantities need a bound. */
export const quantityMaxLength = 64;

/** The number that a Kubernetes quantity means (`200Gi`, `500m`, `1e3`); undefined when it is none. */
export function parseQuantity(value: string | number): number | undefined {
  const text = String(value);
  if (text.length > quantityMaxLength || !new RegExp(quantityPattern).test(text)) return undefined;
  const [, number = "", suffix = ""] = /^([-+]?[0-9.]+(?:[eE][-+]?[0-9.]+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = suffixes[suffix];
  return number === "" || factor === undefined ? undefined : Number(number) * factor;
}
