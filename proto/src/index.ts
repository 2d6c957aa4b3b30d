export * from "./gen/spice/cluster/v1/cluster.ts";
export {
  CopyPartitionRequest,
  CopyPartitionResponse,
  ExchangeServiceClient,
  type ExchangeServiceServer,
  ExchangeServiceService,
  RunFragmentRequest,
  RunFragmentResponse,
} from "./gen/spice/cluster/v1/exchange.ts";
