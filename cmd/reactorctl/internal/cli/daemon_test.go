package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// daemon is a scripted daemon: it keeps what was pushed, and ends every workload as told.
type daemon struct {
	reactorv1.UnimplementedModuleServiceServer
	reactorv1.UnimplementedWorkloadServiceServer
	reactorv1.UnimplementedNodeServiceServer

	have   int // bytes of the module it has already
	pushed []byte
	onPush func() error // called when a push was announced; an error refuses the module, once its bytes are there
	end    *reactorv1.WorkloadStatus
	submit error

	onSubmit  func() // called when a submission has arrived, before it is answered
	onGet     func(ctx context.Context, id string) error
	onList    func(context.Context) error
	onWait    func(context.Context) error
	cancelled []string
	lost      uint64 // bytes of output that are not delivered
}

func (d *daemon) PushModule(s reactorv1.ModuleService_PushModuleServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	var refused error
	if d.onPush != nil {
		refused = d.onPush()
	}
	if err := s.Send(&reactorv1.PushModuleResponse{Part: &reactorv1.PushModuleResponse_Offset{Offset: uint64(d.have)}}); err != nil {
		return err
	}
	for {
		r, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		d.pushed = append(d.pushed, r.GetChunk()...)
	}
	if refused != nil {
		return refused
	}
	result := &reactorv1.PushModuleResult{Module: &reactorv1.Module{Digest: first.GetHeader().GetDigest()}}
	return s.Send(&reactorv1.PushModuleResponse{Part: &reactorv1.PushModuleResponse_Result{Result: result}})
}

func (d *daemon) SubmitWorkload(_ context.Context, r *reactorv1.SubmitWorkloadRequest) (*reactorv1.SubmitWorkloadResponse, error) {
	if d.onSubmit != nil {
		d.onSubmit()
	}
	if d.submit != nil {
		return nil, d.submit
	}
	return &reactorv1.SubmitWorkloadResponse{Created: true, Workload: &reactorv1.Workload{Id: r.GetId(), Spec: r.GetSpec()}}, nil
}

func (d *daemon) SubmitWorkloads(_ context.Context, r *reactorv1.SubmitWorkloadsRequest) (*reactorv1.SubmitWorkloadsResponse, error) {
	if d.onSubmit != nil {
		d.onSubmit()
	}
	response := &reactorv1.SubmitWorkloadsResponse{}
	for _, one := range r.GetRequests() {
		response.Results = append(response.Results, &reactorv1.SubmitWorkloadsResult{Id: one.GetId(), Created: true})
	}
	return response, nil
}

func (d *daemon) CancelWorkloads(_ context.Context, r *reactorv1.CancelWorkloadsRequest) (*reactorv1.CancelWorkloadsResponse, error) {
	d.cancelled = r.GetIds()
	response := &reactorv1.CancelWorkloadsResponse{}
	for _, id := range r.GetIds() {
		response.Results = append(response.Results, &reactorv1.CancelWorkloadsResult{Id: id, Cancelled: true})
	}
	return response, nil
}

func (d *daemon) ReadLogs(_ *reactorv1.ReadLogsRequest, s reactorv1.WorkloadService_ReadLogsServer) error {
	for _, r := range []*reactorv1.ReadLogsResponse{
		{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDOUT, Data: []byte("out\n")},
		{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDERR, Data: []byte("err\n")},
		{DroppedBytes: 7},
	} {
		if err := s.Send(r); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) ListWorkloads(ctx context.Context, _ *reactorv1.ListWorkloadsRequest) (*reactorv1.ListWorkloadsResponse, error) {
	if d.onList != nil {
		if err := d.onList(ctx); err != nil {
			return nil, err
		}
	}
	return &reactorv1.ListWorkloadsResponse{}, nil
}

func (d *daemon) GetWorkload(ctx context.Context, r *reactorv1.GetWorkloadRequest) (*reactorv1.GetWorkloadResponse, error) {
	if d.onGet != nil {
		if err := d.onGet(ctx, r.GetId()); err != nil {
			return nil, err
		}
	}
	running := &reactorv1.WorkloadStatus{State: reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, Attempts: 1}
	return &reactorv1.GetWorkloadResponse{Workload: &reactorv1.Workload{Id: r.GetId(), Status: running}}, nil
}

func (d *daemon) GetNode(context.Context, *reactorv1.GetNodeRequest) (*reactorv1.GetNodeResponse, error) {
	return &reactorv1.GetNodeResponse{Node: &reactorv1.Node{}}, nil
}

func (d *daemon) WaitWorkload(ctx context.Context, r *reactorv1.WaitWorkloadRequest) (*reactorv1.WaitWorkloadResponse, error) {
	if d.onWait != nil {
		if err := d.onWait(ctx); err != nil {
			return nil, err
		}
	}
	return &reactorv1.WaitWorkloadResponse{Workload: &reactorv1.Workload{Id: r.GetId(), Status: d.end}}, nil
}

func (d *daemon) AttachWorkload(s reactorv1.WorkloadService_AttachWorkloadServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	for _, r := range []*reactorv1.AttachWorkloadResponse{
		{Part: &reactorv1.AttachWorkloadResponse_Stdout{Stdout: []byte("out\n")}, Attempt: 1},
		{Part: &reactorv1.AttachWorkloadResponse_Stderr{Stderr: []byte("err\n")}, Attempt: 1, Offset: 4},
	} {
		if err := s.Send(r); err != nil {
			return err
		}
	}
	for {
		r, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		echo := &reactorv1.AttachWorkloadResponse_Stdout{Stdout: bytes.ToUpper(r.GetStdin())}
		if err := s.Send(&reactorv1.AttachWorkloadResponse{Part: echo}); err != nil {
			return err
		}
	}
	ended := &reactorv1.AttachWorkloadResponse_Ended{Ended: &reactorv1.Workload{Id: first.GetStart().GetId(), Status: d.end}}
	return s.Send(&reactorv1.AttachWorkloadResponse{Part: ended, Offset: 8 + d.lost})
}

// services are those of a daemon.
type services interface {
	reactorv1.ModuleServiceServer
	reactorv1.WorkloadServiceServer
	reactorv1.NodeServiceServer
}

// start serves d on a loopback port and points reactorctl at it.
func start(t *testing.T, d services) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	reactorv1.RegisterModuleServiceServer(server, d)
	reactorv1.RegisterWorkloadServiceServer(server, d)
	reactorv1.RegisterNodeServiceServer(server, d)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("REACTORD_ADDR", listener.Addr().String())
	t.Setenv("REACTORCTL_CONFIG", filepath.Join(t.TempDir(), "ctl.yaml"))
}

// ctl runs one command line.
func ctl(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), args, Stdio{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return status, out.String(), errs.String()
}

func ended(reason reactorv1.EndReason, state reactorv1.WorkloadState, code uint32) *reactorv1.WorkloadStatus {
	s := &reactorv1.WorkloadStatus{Reason: reason, State: state, Message: "because"}
	if reason == reactorv1.EndReason_END_REASON_EXIT {
		s.ExitCode = proto.Uint32(code)
	}
	return s
}
