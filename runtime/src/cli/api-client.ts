import { CliError } from "./cli-error.ts";

/** A node's HTTP API, as the commands use it. */
export class ApiClient {
  readonly endpoint: string;

  /** `endpoint` is a URL such as `http://127.0.0.1:8090`. */
  constructor(endpoint: string) {
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
      throw new CliError(`--endpoint needs a URL such as http://127.0.0.1:8090, not ${endpoint}`, {
        exitCode: 2,
      });
    }
    this.endpoint = url.origin;
  }

  /** GET a JSON resource; the caller knows its shape. */
  async json<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.#send(path, { ...(signal === undefined ? {} : { signal }) });
    return (await (await succeeded(response)).json()) as T;
  }

  /** The status and text of a resource, whatever the status. */
  async probe(path: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const response = await this.#send(path, { signal });
    return { status: response.status, text: await response.text() };
  }

  /** POST a JSON body and give the answer's text. */
  async post(path: string, body: unknown, signal?: AbortSignal): Promise<string> {
    const response = await this.#send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    return (await succeeded(response)).text();
  }

  /** Run a statement; the body streams in the type that is asked for. */
  async sql(statement: string, accept: string, signal: AbortSignal): Promise<Response> {
    const response = await this.#send("/v1/sql", {
      method: "POST",
      headers: { "Content-Type": "text/plain; charset=utf-8", Accept: accept },
      body: statement,
      signal,
    });
    return succeeded(response);
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.endpoint + path, init);
    } catch (error) {
      init.signal?.throwIfAborted();
      const cause = (error as { cause?: { code?: unknown; message?: unknown } }).cause;
      const reason = String(cause?.code ?? cause?.message ?? (error as Error).message);
      throw new CliError(
        `Cannot reach ${this.endpoint} (${reason}). Start a local cluster with \`spice cluster up --executors 3\`, or name another with --endpoint.`,
        { cause: error },
      );
    }
  }
}

async function succeeded(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = (await response.text()).trim();
  throw new CliError(text === "" ? `The server answered ${response.status}` : text);
}
