const secretWords =
  /pass(?:word|wd|phrase)|(?:^|[_.-])pass(?:$|[_.-])|(?:^|[_.-])pwd$|secret|token|authorization|cookie|credential|connection[-_]?string|(?:api|private|access|account|shared|signing|encryption|session|s3)[-_]?key|service_account/i;

/** What only names or describes a secret: an object, a file, a time, a digest, a count. */
const aboutSecrets =
  /(?:names?|refs?|files?|paths?|seconds|(?:expires|not)[-_]?(?:at|after|before)|expiry|version|sha256|fingerprint|hash|ready|(?<!ac)count|total|type|enabled)$|^(?:automount|imagePullSecrets$|pullSecret$)/i;

/** Whether a field, variable, flag or header of this name may hold a secret. When in doubt it does. */
export function isSecretName(name: string): boolean {
  return (secretWords.test(name) || /[a-z]Pass$/.test(name)) && !aboutSecrets.test(name);
}
