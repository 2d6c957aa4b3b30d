import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Run a program to its end. @throws Error with what it wrote to its standard error */
export async function command(program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await execute(program, [...args], { maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new Error(`${program} ${args.join(" ")} failed: ${said || String(error)}`, { cause: error });
  }
}
