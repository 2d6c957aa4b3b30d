export { createRoot, issueLeaf, type LeafNames, type PemPair } from "./authority.ts";
export {
  alternativeNamesOf,
  type CertificateFacts,
  certificateFacts,
  isIssuedBy,
  readBundle,
} from "./facts.ts";
