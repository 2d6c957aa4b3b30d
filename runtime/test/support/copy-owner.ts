import { join } from "node:path";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { GrpcPartitionCopier } from "../../src/adapters/exchange/copy/copy-partition-client.ts";
import { LocalFragmentRunner } from "../../src/adapters/exchange/fragment-runner.ts";
import { addExchangeService, exchangeServerOptions } from "../../src/adapters/exchange/grpc/grpc-server.ts";
import { fileSpool } from "../../src/adapters/spool/file-spool.ts";
import { copySource } from "../../src/executor/copy-means.ts";
import type { AcceleratedTable } from "../../src/executor/storage/accelerated-table.ts";
import { ExecutorPartitionStore } from "../../src/executor/storage/partition-store.ts";
import type { AssignedPartition } from "../../src/executor/storage/refresh-types.ts";
import type { PartitionCopyPart, PartitionCopyRequest } from "../../src/ports/partition-copy.ts";
import type { TableBed } from "./table-bed.ts";

/** The tables of a bed behind an exchange server, from which others copy partitions over gRPC. */
export interface CopyOwner {
  /** `host:port` of the server. */
  readonly address: string;
  /** Without its lease the owner refuses to be copied. */
  lease: boolean;
  add(table: AcceleratedTable): void;
  /** The parts of a partition's newest version, one at a time. */
  parts(request: PartitionCopyRequest, signal: AbortSignal): AsyncGenerator<PartitionCopyPart, void>;
  /** Copy a partition into `table`, as a learner does; undefined when it had the newest version. */
  copyInto(
    table: AcceleratedTable,
    partition: AssignedPartition,
    haveVersion?: number,
  ): Promise<{ readonly version: number } | undefined>;
  close(): Promise<void>;
}

export async function openCopyOwner(bed: TableBed): Promise<CopyOwner> {
  const store = new ExecutorPartitionStore();
  const runner = await LocalFragmentRunner.open({
    database: bed.database,
    partitions: store,
    directory: join(bed.directory, "frames"),
    clock: { monotonicMs: () => performance.now() },
  });
  const server = new Server(exchangeServerOptions);
  const source = copySource({
    store,
    runner,
    executorId: "owner",
    mayServe: () => owner.lease,
    refreshedAtMs: () => 5,
  });
  const authorize = () => undefined;
  addExchangeService(server, { runner, authorize, copies: { source, authorize } });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const copier = new GrpcPartitionCopier(() => credentials.createInsecure());
  const spools = fileSpool({ directory: join(bed.directory, "copies"), maxBytes: 1 << 30 });
  const owner: CopyOwner = {
    address: `127.0.0.1:${port}`,
    lease: true,
    add: (table) => store.add(table),
    parts: (request, signal) => copier.copy(owner.address, request, signal),
    async copyInto(table, partition, haveVersion = 0) {
      const key = JSON.stringify(partition.values);
      const { epoch } = partition;
      const spool = await spools.open("copy");
      try {
        const files: string[] = [];
        const request = { table: table.config.fullName, key, epoch, haveVersion };
        const parts = owner.parts(request, bed.signal);
        const first = await parts.next();
        if (first.done === true || first.value.kind !== "header") throw new Error("The header comes first");
        const { header } = first.value;
        for await (const part of parts) if (part.kind === "frame") files.push(await spool.write(part.bytes));
        if (header.version === haveVersion) return undefined;
        return await table.learn(partition, header, { files }, bed.signal);
      } finally {
        await spool.close();
      }
    },
    async close() {
      copier.close();
      server.forceShutdown();
      await runner.close();
    },
  };
  return owner;
}
