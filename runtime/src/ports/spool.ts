/** Keeps the frames of fragment results where the engine can read them as files, while a query needs them. */
export interface SpoolStore {
  /** A place for the frames of one query. */
  open(queryId: string): Promise<Spool>;
}

export interface Spool {
  /** Bytes of the frames that are kept now. */
  readonly bytes: number;
  /** Keep a frame; gives the path of its file. Throws `ResourceExhaustedError` when the store is full. */
  write(frame: Uint8Array): Promise<string>;
  /** Drop a frame that was read. */
  remove(path: string): Promise<void>;
  /** Drop everything. Safe to call twice. */
  close(): Promise<void>;
}
