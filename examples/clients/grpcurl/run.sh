#!/bin/sh
# Runs a module on reactord and prints its output, and how it ended, as JSON.
#
#     ./run.sh GUEST.wasm < INPUT
#
# REACTORD_ADDR names the daemon: unix:/path/to/reactord.sock, or HOST:PORT with its token in REACTORD_TOKEN and, for TLS,
# the file with the authority of its certificate in REACTORCTL_TLS_CA.
set -eu

: "${REACTORD_ADDR:?is not set: it names the daemon}"
guest=${1:?"is missing: name the guest, GUEST.wasm"}
: < "$guest" # or say that it cannot be read
set -- -plaintext
if [ "${REACTORCTL_TLS_CA:-}" ]; then set -- -cacert "$REACTORCTL_TLS_CA"; fi
if [ "${REACTORD_TOKEN:-}" ]; then set -- "$@" -H "authorization: Bearer $REACTORD_TOKEN"; fi
set -- "$@" -d @ "$REACTORD_ADDR"

id=run-$$-$(date +%s)
printf '{"content": "%s", "tag": "grpcurl-example"}' "$(base64 < "$guest" | tr -d '\n')" |
  grpcurl "$@" reactor.v1.ModuleService/UploadModule
printf '{"id": "%s", "spec": {"module": "grpcurl-example", "stdin": "%s"}}' "$id" "$(base64 | tr -d '\n')" |
  grpcurl "$@" reactor.v1.WorkloadService/SubmitWorkload
printf '{"id": "%s", "follow": true}' "$id" | grpcurl "$@" reactor.v1.WorkloadService/ReadLogs
printf '{"id": "%s"}' "$id" | grpcurl "$@" reactor.v1.WorkloadService/WaitWorkload
