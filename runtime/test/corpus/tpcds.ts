import type { TpcBenchmark } from "./tpc.ts";

/**
 * TPC-DS: 99 statements over 24 tables. Sales and their returns are split by the item that both carry, so that they lie
 * together; tables of fewer than a few hundred rows stay whole.
 */
export const tpcds: TpcBenchmark = {
  extension: "tpcds",
  generator: "dsdgen",
  partitionBy: {
    store_sales: "bucket(12, ss_item_sk)",
    store_returns: "bucket(12, sr_item_sk)",
    catalog_sales: "bucket(12, cs_item_sk)",
    catalog_returns: "bucket(12, cr_item_sk)",
    web_sales: "bucket(12, ws_item_sk)",
    web_returns: "bucket(12, wr_item_sk)",
    inventory: "bucket(12, inv_item_sk)",
    item: "bucket(12, i_item_sk)",
    customer: "bucket(6, c_customer_sk)",
    customer_address: "bucket(6, ca_address_sk)",
    customer_demographics: "bucket(6, cd_demo_sk)",
    date_dim: "d_year % 4",
    time_dim: "t_hour",
    household_demographics: "bucket(3, hd_demo_sk)",
    promotion: "bucket(3, p_promo_sk)",
    catalog_page: "bucket(3, cp_catalog_page_sk)",
    call_center: undefined,
    income_band: undefined,
    reason: undefined,
    ship_mode: undefined,
    store: undefined,
    warehouse: undefined,
    web_page: undefined,
    web_site: undefined,
  },
};
