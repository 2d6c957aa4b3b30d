import { spawn } from "node:child_process";

/** A tool ended with another code than 0; the message is what it wrote to its standard error. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/**
 * Runs a program to its end and answers what it wrote to its standard output.
 *
 * @throws ToolError when it fails, or does not end within two minutes.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { env: Record<string, string>; stdin?: string },
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    stdio: "pipe",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // A tool that ends without reading its input breaks the pipe: its exit code tells.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit, signal) => resolve(exit ?? signal ?? "?"));
  });
  if (code === 0) return Buffer.concat(out).toString();
  const said = Buffer.concat(err).toString().trim();
  throw new ToolError(`${program.split("/").at(-1)} ${args.join(" ")} ended with ${code}: ${said}`);
}
