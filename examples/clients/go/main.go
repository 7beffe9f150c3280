// Command go runs a module on reactord, passes its output on, and exits with its status:
//
//	go run ./examples/clients/go GUEST.wasm [ARG...] < INPUT
//
// REACTORD_ADDR names the daemon: unix:/path/to/reactord.sock, or HOST:PORT with its token in REACTORD_TOKEN and, for TLS,
// the file with the authority of its certificate in REACTORCTL_TLS_CA.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const attempts = 30

func main() {
	if len(os.Args) < 2 || os.Getenv("REACTORD_ADDR") == "" {
		fmt.Fprintln(os.Stderr, "usage: REACTORD_ADDR=ADDRESS go run ./examples/clients/go GUEST.wasm [ARG...] < INPUT")
		os.Exit(2)
	}
	ended, err := run(context.Background(), os.Args[1], os.Args[2:], os.Stdin)
	switch {
	case err != nil:
		if info := detail[*errdetails.ErrorInfo](err); info != nil {
			err = fmt.Errorf("%s: %s", info.GetReason(), status.Convert(err).Message())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	case ended.ExitCode == nil:
		fmt.Fprintln(os.Stderr, ended.GetMessage())
		os.Exit(1)
	default:
		os.Exit(int(ended.GetExitCode()))
	}
}

// run runs a module and returns the status of the ended workload.
func run(ctx context.Context, file string, args []string, input io.Reader) (*reactorv1.WorkloadStatus, error) {
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	stdin, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	conn, err := connect(os.Getenv("REACTORD_ADDR"), os.Getenv("REACTORCTL_TLS_CA"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if token := os.Getenv("REACTORD_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	modules, workloads := reactorv1.NewModuleServiceClient(conn), reactorv1.NewWorkloadServiceClient(conn)

	uploaded, err := retrying(func() (*reactorv1.UploadModuleResponse, error) {
		return modules.UploadModule(ctx, &reactorv1.UploadModuleRequest{Content: binary})
	})
	if err != nil {
		return nil, err
	}
	// Under an id of our own the submission can be repeated: it creates one workload.
	submit := &reactorv1.SubmitWorkloadRequest{
		Id:   "run-" + rand.Text(),
		Spec: &reactorv1.WorkloadSpec{Module: uploaded.GetModule().GetDigest(), Args: args, Stdin: stdin},
	}
	if _, err := retrying(func() (*reactorv1.SubmitWorkloadResponse, error) {
		return workloads.SubmitWorkload(ctx, submit)
	}); err != nil {
		return nil, err
	}
	if err := follow(ctx, workloads, submit.GetId()); err != nil {
		return nil, err
	}
	waited, err := retrying(func() (*reactorv1.WaitWorkloadResponse, error) {
		return workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: submit.GetId()})
	})
	return waited.GetWorkload().GetStatus(), err
}

// connect connects to a daemon: with TLS if there is a file with the authority of its certificate.
func connect(address, authority string) (*grpc.ClientConn, error) {
	if authority == "" {
		return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	tls, err := credentials.NewClientTLSFromFile(authority, "")
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(tls))
}

// follow passes the workload's output on until it has ended.
func follow(ctx context.Context, workloads reactorv1.WorkloadServiceClient, id string) error {
	req := &reactorv1.ReadLogsRequest{Id: id, Follow: true}
	_, err := retrying(func() (struct{}, error) {
		stream, err := workloads.ReadLogs(ctx, req)
		for err == nil {
			var run *reactorv1.ReadLogsResponse
			if run, err = stream.Recv(); err != nil {
				break
			}
			to := os.Stdout
			if run.GetStream() == reactorv1.OutputStream_OUTPUT_STREAM_STDERR {
				to = os.Stderr
			}
			var n int
			if n, err = to.Write(run.GetData()); n > 0 { // to go on from here after a lost connection
				req.Offset, req.Attempt, req.AttemptStartUs = run.GetOffset()+uint64(n), run.GetAttempt(), run.GetAttemptStartUs()
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

// retrying calls until that succeeds, or fails with an error that trying again can't help.
func retrying[T any](call func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		answer, err := call()
		retry := detail[*errdetails.RetryInfo](err)
		switch {
		case attempt == attempts:
			return answer, err
		case retry != nil:
			time.Sleep(retry.GetRetryDelay().AsDuration())
		case status.Code(err) == codes.Unavailable: // there is no connection
			time.Sleep(time.Second)
		default:
			return answer, err
		}
	}
}

// detail returns the google.rpc detail of a kind in an error of a call, or nil.
func detail[T any](err error) (found T) {
	for _, d := range status.Convert(err).Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	return found
}
