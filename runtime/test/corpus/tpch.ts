import type { TpcBenchmark } from "./tpc.ts";

/**
 * TPC-H: 22 statements over 8 tables. The large tables are split by the key that they are joined by, so that lineitem
 * and orders, and part and partsupp, lie together; nation and region stay whole.
 */
export const tpch: TpcBenchmark = {
  extension: "tpch",
  generator: "dbgen",
  partitionBy: {
    lineitem: "bucket(12, l_orderkey)",
    orders: "bucket(12, o_orderkey)",
    customer: "bucket(12, c_custkey)",
    part: "bucket(12, p_partkey)",
    partsupp: "bucket(12, ps_partkey)",
    supplier: "bucket(3, s_suppkey)",
    nation: undefined,
    region: undefined,
  },
};
