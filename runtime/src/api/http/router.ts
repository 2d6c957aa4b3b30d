import { HttpError } from "./http-error.ts";

/** One route: a path whose `{name}` segments become parameters. */
export interface Route<H> {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly handler: H;
}

export interface Match<H> {
  readonly route: Route<H>;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of a request; throws 404 with the list of routes, or 405 with `Allow`. */
export class Router<H> {
  readonly #routes: readonly (Route<H> & { readonly segments: readonly string[] })[];

  constructor(routes: readonly Route<H>[]) {
    this.#routes = routes.map((route) => ({ ...route, segments: split(route.path) }));
  }

  match(method: string, path: string): Match<H> {
    const segments = split(path);
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const params = paramsOf(route.segments, segments);
      if (params === undefined) continue;
      if (route.method === method || (method === "HEAD" && route.method === "GET")) return { route, params };
      allowed.push(route.method);
    }
    if (allowed.length > 0) {
      const allow = [...new Set(allowed)].join(", ");
      throw new HttpError(405, `${method} is not allowed on ${path}. Allowed: ${allow}`, { Allow: allow });
    }
    throw new HttpError(404, `There is no route ${method} ${path}. Routes:\n${this.list()}`);
  }

  /** Every route, one a line. */
  list(): string {
    return this.#routes.map(({ method, path }) => `  ${method.padEnd(5)} ${path}`).join("\n");
  }
}

function split(path: string): string[] {
  return path.replace(/^\/+|\/+$/g, "").split("/");
}

function paramsOf(pattern: readonly string[], segments: readonly string[]) {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i]!;
    if (part.startsWith("{")) {
      const value = decode(segment);
      if (value === undefined || value === "") return undefined;
      params[part.slice(1, -1)] = value;
    } else if (part !== segment) {
      return undefined;
    }
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
