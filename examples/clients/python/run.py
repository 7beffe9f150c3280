"""Runs a module on reactord, passes its output on, and exits with its status.

    python run.py GUEST.wasm [ARG...] < INPUT

REACTORD_ADDR names the daemon: unix:/path/to/reactord.sock, or HOST:PORT with its token in REACTORD_TOKEN and, for TLS,
the file with the authority of its certificate in REACTORCTL_TLS_CA.
"""

import os
import sys
import time
import uuid

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

from reactor.v1.module_pb2 import UploadModuleRequest
from reactor.v1.module_pb2_grpc import ModuleServiceStub
from reactor.v1.workload_pb2 import (
    OUTPUT_STREAM_STDERR,
    ReadLogsRequest,
    SubmitWorkloadRequest,
    WaitWorkloadRequest,
    WorkloadSpec,
)
from reactor.v1.workload_pb2_grpc import WorkloadServiceStub

ATTEMPTS = 30


class Client:
    """Runs modules on one daemon."""

    def __init__(self, channel, metadata):
        self.modules = ModuleServiceStub(channel)
        self.workloads = WorkloadServiceStub(channel)
        self.metadata = metadata

    def run(self, binary, args, stdin):
        """Runs a module and returns the status of the ended workload."""
        upload = UploadModuleRequest(content=binary)
        module = retrying(lambda: self.modules.UploadModule(upload, metadata=self.metadata)).module
        # Under an id of our own the submission can be repeated: it creates one workload.
        submit = SubmitWorkloadRequest(
            id=f"run-{uuid.uuid4()}", spec=WorkloadSpec(module=module.digest, args=args, stdin=stdin)
        )
        retrying(lambda: self.workloads.SubmitWorkload(submit, metadata=self.metadata))
        self.follow(submit.id)
        wait = WaitWorkloadRequest(id=submit.id)
        return retrying(lambda: self.workloads.WaitWorkload(wait, metadata=self.metadata)).workload.status

    def follow(self, workload_id):
        """Passes the workload's output on until it has ended."""
        request = ReadLogsRequest(id=workload_id, follow=True)  # and where to go on after a lost connection

        def read():
            for run in self.workloads.ReadLogs(request, metadata=self.metadata):
                stream = sys.stderr if run.stream == OUTPUT_STREAM_STDERR else sys.stdout
                stream.buffer.write(run.data)
                stream.flush()
                if run.data:
                    request.offset = run.offset + len(run.data)
                    request.attempt, request.attempt_start_us = run.attempt, run.attempt_start_us

        retrying(read)


def connect(address, token, authority):
    """Returns a channel to a daemon, and the metadata of each call."""
    metadata = [("authorization", f"Bearer {token}")] if token else []
    if not authority:
        return grpc.insecure_channel(address), metadata
    with open(authority, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read())), metadata


def retrying(call):
    """Calls until that succeeds, or fails with an error that trying again can't help."""
    for _ in range(ATTEMPTS):
        try:
            return call()
        except grpc.RpcError as error:
            if retry := detail(error, RetryInfo):
                time.sleep(retry.retry_delay.ToTimedelta().total_seconds())
            elif error.code() == grpc.StatusCode.UNAVAILABLE:  # there is no connection
                time.sleep(1)
            else:
                raise
    return call()


def detail(error, kind):
    """Returns the error's google.rpc detail of a kind, or None."""
    status = rpc_status.from_call(error)
    for packed in status.details if status else []:
        message = kind()
        if packed.Unpack(message):
            return message
    return None


def main():
    address = os.environ.get("REACTORD_ADDR")
    if len(sys.argv) < 2 or not address:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], "rb") as file:
            binary = file.read()
        channel, metadata = connect(address, os.environ.get("REACTORD_TOKEN"), os.environ.get("REACTORCTL_TLS_CA"))
        with channel:
            status = Client(channel, metadata).run(binary, sys.argv[2:], sys.stdin.buffer.read())
    except grpc.RpcError as error:
        info = detail(error, ErrorInfo)
        print(f"{info.reason if info else error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(125)
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(125)
    except KeyboardInterrupt:
        sys.exit(130)
    if not status.HasField("exit_code"):
        print(status.message, file=sys.stderr)
        sys.exit(1)
    sys.exit(status.exit_code)


if __name__ == "__main__":
    main()
