/** A pure function of an object that nobody changes, which is computed once for each object as long as that lives. */
export function oncePerObject<A extends object, B>(compute: (of: A) => B): (of: A) => B {
  const known = new WeakMap<A, { readonly value: B }>();
  return (of) => {
    const found = known.get(of);
    if (found !== undefined) return found.value;
    const value = compute(of);
    known.set(of, { value });
    return value;
  };
}
