import { readdir, readFile, readlink } from "node:fs/promises";

/**
 * Which of `processes` (pid → name) opened the loopback connection from `port` to `toPort`; undefined when it is none
 * of them, or is gone already. Reads the kernel's tables, so that a proxy before one node can tell its callers apart.
 */
export async function connectionOwner(
  port: number,
  toPort: number,
  processes: ReadonlyMap<number, string>,
): Promise<string | undefined> {
  const inode = await socketInode(port, toPort);
  if (inode === undefined) return undefined;
  for (const [pid, name] of processes) {
    if (await holds(pid, `socket:[${inode}]`)) return name;
  }
  return undefined;
}

async function socketInode(port: number, toPort: number): Promise<string | undefined> {
  const wanted = [port, toPort].map((p) => `:${p.toString(16).toUpperCase().padStart(4, "0")}`);
  const table = await readFile("/proc/net/tcp", "utf8");
  for (const line of table.split("\n")) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    if (local?.endsWith(wanted[0]!) === true && remote?.endsWith(wanted[1]!) === true) return inode;
  }
  return undefined;
}

async function holds(pid: number, socket: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  // A process that ends meanwhile, or closes the descriptor, does not hold it.
  const descriptors = await readdir(folder).catch(() => []);
  const targets = await Promise.all(
    descriptors.map((fd) => readlink(`${folder}/${fd}`).catch(() => undefined)),
  );
  return targets.includes(socket);
}
