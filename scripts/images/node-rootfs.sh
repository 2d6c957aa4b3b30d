#!/bin/sh
# Inside the first stage of an image: puts Node, the libraries that it loads and what they read below /rootfs, so that
# the image itself needs no distribution, shell or package manager.
set -eu
node=$(readlink -f "$(command -v node)")
mkdir -p /rootfs/usr/local/bin /rootfs/lib /rootfs/lib64 /rootfs/etc/ssl/certs /rootfs/empty
cp "$node" /rootfs/usr/local/bin/node
chmod 755 /rootfs/usr/local/bin/node
for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do
  [ -e "$loader" ] || continue
  for library in "$loader" $("$loader" --list "$node" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'); do
    mkdir -p "/rootfs$(dirname "$library")"
    cp -L "$library" "/rootfs$library"
  done
done
echo 'hosts: files dns' > /rootfs/etc/nsswitch.conf
printf 'root:x:0:0:root:/:/nonexistent\nspice:x:65532:65532:spice:/app:/nonexistent\n' > /rootfs/etc/passwd
printf 'root:x:0:\nspice:x:65532:\n' > /rootfs/etc/group
# The roots that Node itself trusts, where DuckDB's HTTP client looks for them.
node -e 'process.stdout.write(`${require("node:tls").rootCertificates.join("\n")}\n`)' \
  > /rootfs/etc/ssl/certs/ca-certificates.crt
