/** A time with the six digits after the point that the API server's parser of MicroTime insists on. */
export function microTime(wallMs: number): string {
  return new Date(Math.floor(wallMs)).toISOString().replace("Z", "000Z");
}
