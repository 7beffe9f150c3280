// The details of errors: gRPC sends them as a google.rpc.Status in the trailers.

import protobuf from 'protobufjs'

const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RetryInfo { Duration retry_delay = 1; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`)

/** Returns an error's detail of a kind, such as 'ErrorInfo', or undefined. */
export function detail(error, kind) {
  const [packed] = error.metadata?.get('grpc-status-details-bin') ?? []
  if (!packed) return undefined
  const { details } = root.lookupType('google.rpc.Status').decode(packed)
  const found = details.find((any) => any.typeUrl === `type.googleapis.com/google.rpc.${kind}`)
  return found && root.lookupType(`google.rpc.${kind}`).decode(found.value)
}
