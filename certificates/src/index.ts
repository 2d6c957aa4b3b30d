export { createRoot, issueLeaf, type LeafNames, type PemPair } from "./authority.ts";
export { type CertificateFacts, certificateFacts, readBundle } from "./facts.ts";
