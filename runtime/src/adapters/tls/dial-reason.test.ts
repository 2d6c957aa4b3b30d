import { expect, test } from "@jest/globals";
import { dialReason } from "./dial-reason.ts";

const failed = (last: string) =>
  `14 UNAVAILABLE: No connection established. Last error: ${last}. Resolution note: `;

test("a connection that did not come about is told in the reader's terms", () => {
  expect(dialReason(failed("Error: 402D:error:0A00010B:SSL routines::wrong version number:c:77:\n"))).toMatch(
    /does not speak TLS on this port/,
  );
  expect(dialReason(failed("Error: self-signed certificate in certificate chain"))).toMatch(
    /not signed by a CA/,
  );
  expect(dialReason(failed("Error: certificate has expired"))).toBe("the peer's certificate has expired");
  expect(dialReason(failed("Failed to connect (2026-01-01T00:00:00.000Z)"))).toMatch(/it may demand mTLS/);
});

test("other reasons stay as they are", () => {
  expect(dialReason(failed("Error: connect ECONNREFUSED 127.0.0.1:1"))).toBe(
    "connect ECONNREFUSED 127.0.0.1:1",
  );
  expect(dialReason("14 UNAVAILABLE: read ECONNRESET")).toBe("14 UNAVAILABLE: read ECONNRESET");
  expect(dialReason("7 PERMISSION_DENIED: no")).toBe("7 PERMISSION_DENIED: no");
});
