import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storagePromises } from "./storage-promises.ts";
import { type ConformanceSubject, type DirectoryTest, type Opened, openSubject } from "./subject.ts";
import { tablePromises } from "./table-promises.ts";
import { valuePromises } from "./value-promises.ts";

/** The two functions of a test framework that the suite needs. */
export interface TestFramework {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/** What the suite stores and how it opens an engine, for tests of an engine's own. */
export { type ConformanceSubject, conformanceDataset, type Opened, openSubject } from "./subject.ts";

/**
 * Every promise of the accelerator interface (spec chapter 05), run against one engine under one set of parameters, as
 * far as its capabilities say that it can do it. Any framework that has these two functions will do; each test runs in
 * a directory of its own, a few take seconds, and the one of crashes starts processes and kills them.
 */
export function acceleratorConformance(subject: ConformanceSubject, framework: TestFramework): void {
  const test: DirectoryTest = (name, body) =>
    framework.test(name, async () => {
      const directory = await mkdtemp(join(tmpdir(), "conformance-"));
      const opened: Opened[] = [];
      try {
        await body(async () => {
          const one = await openSubject(subject, directory);
          opened.push(one);
          return one;
        }, directory);
      } finally {
        for (const one of opened) await one.close();
        await rm(directory, { recursive: true, force: true });
      }
    });
  framework.describe(`accelerator ${subject.name}`, () => {
    tablePromises(subject, test);
    valuePromises(subject, test);
    if (subject.mode === "file") storagePromises(subject, test);
  });
}
