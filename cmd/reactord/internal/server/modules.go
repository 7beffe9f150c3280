package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
)

// maxChunkBytes bounds a received chunk of a module.
const maxChunkBytes = 1 << 20

type modules struct {
	reactorv1.UnimplementedModuleServiceServer
	reactor    *reactor.Reactor
	registries *registries.Fetcher
}

func (m *modules) PushModule(stream grpc.BidiStreamingServer[reactorv1.PushModuleRequest, reactorv1.PushModuleResponse]) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	header := first.GetHeader()
	if header == nil {
		return fields{{Path: "header", Description: "must be the first message"}}.err()
	}
	if err := m.registries.CheckPush(); err != nil {
		return err
	}
	push, err := m.reactor.PushModule(stream.Context(), api.PushRequest{
		Digest:    header.GetDigest(),
		SizeBytes: header.GetSizeBytes(),
		Tag:       header.GetTag(),
		Name:      header.GetName(),

		Sender:        sender(stream.Context()),
		PrefixDigests: header.GetPrefixDigests(),
	})
	if err != nil {
		return err
	}
	defer func() { _ = push.Close() }() // what arrived is kept, so that a later push can resume
	if err := stream.Send(&reactorv1.PushModuleResponse{
		Part: &reactorv1.PushModuleResponse_Offset{Offset: push.Offset()},
	}); err != nil {
		return err
	}
	if err := receiveChunks(stream, push); err != nil {
		return err
	}
	module, existed, err := push.Commit(stream.Context())
	if err != nil {
		return err
	}
	return stream.Send(&reactorv1.PushModuleResponse{Part: &reactorv1.PushModuleResponse_Result{
		Result: &reactorv1.PushModuleResult{Module: fromModule(module), Existed: existed},
	}})
}

// sender names the connection of a call. It returns nothing for the peer of a unix socket, which has no
// name of its own.
func sender(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr.Network() == "unix" {
		return ""
	}
	return p.Addr.String()
}

// pushPatience is how long a push may bring nothing before it is ended: its stream costs more than it is worth.
const pushPatience = time.Minute

// receiveChunks writes what the client sends to push, until its half-close.
func receiveChunks(stream grpc.BidiStreamingServer[reactorv1.PushModuleRequest, reactorv1.PushModuleResponse], push *reactor.Push) error {
	requests := receive(stream)
	patience := time.NewTimer(pushPatience)
	defer patience.Stop()
	for {
		select {
		case r := <-requests:
			if errors.Is(r.err, io.EOF) {
				return nil
			}
			if r.err != nil {
				return r.err
			}
			if err := writeChunk(r.req, push); err != nil {
				return err
			}
			patience.Reset(pushPatience)
		case <-patience.C:
			return push.Stalled()
		}
	}
}

// received is what one Recv returned.
type received struct {
	req *reactorv1.PushModuleRequest
	err error
}

// receive receives what the client sends until the first error. Its goroutine ends with the call.
func receive(stream grpc.BidiStreamingServer[reactorv1.PushModuleRequest, reactorv1.PushModuleResponse]) <-chan received {
	requests := make(chan received)
	go func() {
		for {
			req, err := stream.Recv()
			select {
			case requests <- received{req, err}:
			case <-stream.Context().Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return requests
}

func writeChunk(req *reactorv1.PushModuleRequest, push io.Writer) error {
	part, ok := req.GetPart().(*reactorv1.PushModuleRequest_Chunk)
	if !ok {
		return fields{{Path: "chunk", Description: "must be set in every message after the header"}}.err()
	}
	if len(part.Chunk) > maxChunkBytes {
		return fields{{Path: "chunk", Description: "is larger than 1 MiB"}}.err()
	}
	_, err := push.Write(part.Chunk)
	return err
}

func (m *modules) UploadModule(ctx context.Context, req *reactorv1.UploadModuleRequest) (*reactorv1.UploadModuleResponse, error) {
	if size := len(req.GetContent()); size > maxUploadBytes {
		return nil, fields{{
			Path:        "content",
			Description: fmt.Sprintf("has %d bytes, more than the %d that one call takes: push the module instead", size, maxUploadBytes),
		}}.err()
	}
	if err := m.registries.CheckPush(); err != nil {
		return nil, err
	}
	module, existed, err := m.reactor.UploadModule(ctx, api.UploadRequest{Content: req.GetContent(), Tag: req.GetTag(), Name: req.GetName()})
	if err != nil {
		return nil, err
	}
	return &reactorv1.UploadModuleResponse{Module: fromModule(module), Existed: existed}, nil
}

func (m *modules) GetModule(ctx context.Context, req *reactorv1.GetModuleRequest) (*reactorv1.GetModuleResponse, error) {
	module, err := m.reactor.GetModule(ctx, req.GetModule())
	if err != nil {
		return nil, err
	}
	return &reactorv1.GetModuleResponse{Module: fromModule(module)}, nil
}

func (m *modules) DescribeModule(ctx context.Context, req *reactorv1.DescribeModuleRequest) (*reactorv1.DescribeModuleResponse, error) {
	d, err := m.reactor.DescribeModule(ctx, req.GetModule())
	if err != nil {
		return nil, err
	}
	return fromDescription(d), nil
}

// pullChunkBytes is the size of the chunks in which a module is sent.
const pullChunkBytes = 256 << 10

func (m *modules) PullModule(req *reactorv1.PullModuleRequest, stream grpc.ServerStreamingServer[reactorv1.PullModuleResponse]) error {
	module, file, err := m.reactor.PullModule(stream.Context(), req.GetModule())
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // the file was only read
	if err := stream.Send(&reactorv1.PullModuleResponse{Part: &reactorv1.PullModuleResponse_Module{Module: fromModule(module)}}); err != nil {
		return err
	}
	send := func(chunk []byte) error {
		if len(chunk) == 0 {
			return nil
		}
		return stream.Send(&reactorv1.PullModuleResponse{Part: &reactorv1.PullModuleResponse_Chunk{Chunk: chunk}})
	}
	var held []byte // the last chunk is held back, since only the end shows whether the bytes are damaged
	for {
		chunk := make([]byte, pullChunkBytes)
		n, err := io.ReadFull(file, chunk)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		if err := send(held); err != nil {
			return err
		}
		if ended {
			return send(chunk[:n])
		}
		held = chunk
	}
}

func (m *modules) ListModules(ctx context.Context, req *reactorv1.ListModulesRequest) (*reactorv1.ListModulesResponse, error) {
	return fitting(toPage(req), func(page api.Page) (*reactorv1.ListModulesResponse, int, error) {
		list, err := m.reactor.ListModules(ctx, page)
		resp := &reactorv1.ListModulesResponse{NextPageToken: list.Next, UnreadableDigests: list.Unreadable}
		for _, module := range list.Modules {
			resp.Modules = append(resp.Modules, fromModule(module))
		}
		return resp, len(list.Modules) + len(list.Unreadable), err
	})
}

func (m *modules) TagModule(ctx context.Context, req *reactorv1.TagModuleRequest) (*reactorv1.TagModuleResponse, error) {
	module, err := m.reactor.TagModule(ctx, req.GetModule(), req.GetTag())
	if err != nil {
		return nil, err
	}
	return &reactorv1.TagModuleResponse{Module: fromModule(module)}, nil
}

func (m *modules) DeleteModule(ctx context.Context, req *reactorv1.DeleteModuleRequest) (*reactorv1.DeleteModuleResponse, error) {
	if err := m.reactor.DeleteModule(ctx, req.GetModule()); err != nil {
		return nil, err
	}
	return &reactorv1.DeleteModuleResponse{}, nil
}

func (m *modules) UntagModule(ctx context.Context, req *reactorv1.UntagModuleRequest) (*reactorv1.UntagModuleResponse, error) {
	module, err := m.reactor.UntagModule(ctx, req.GetTag())
	if err != nil {
		return nil, err
	}
	return &reactorv1.UntagModuleResponse{Module: fromModule(module)}, nil
}

func (m *modules) PruneModules(ctx context.Context, req *reactorv1.PruneModulesRequest) (*reactorv1.PruneModulesResponse, error) {
	unused := req.GetUnusedFor()
	if unused != nil && unused.CheckValid() != nil {
		return nil, fields{{Path: "unused_for", Description: "must be a duration of zero or more"}}.err()
	}
	pruned, err := m.reactor.PruneModules(ctx, api.PruneRequest{UnusedFor: unused.AsDuration(), DryRun: req.GetDryRun()})
	if err != nil {
		return nil, err
	}
	resp := &reactorv1.PruneModulesResponse{Total: pruned.Total, FreedBytes: pruned.FreedBytes}
	for _, module := range pruned.Modules {
		resp.Modules = append(resp.Modules, fromModule(module))
	}
	return resp, nil
}

func (m *modules) SnapshotModule(ctx context.Context, req *reactorv1.SnapshotModuleRequest) (*reactorv1.SnapshotModuleResponse, error) {
	made, err := m.reactor.SnapshotModule(ctx, api.SnapshotRequest{
		Module: req.GetModule(), Invoke: req.GetInvoke(), Tag: req.GetTag(),
		AllowClock: req.GetAllowClock(), AllowRandom: req.GetAllowRandom(),
	})
	if err != nil {
		return nil, err
	}
	return &reactorv1.SnapshotModuleResponse{
		Module: fromModule(made.Module), Existed: made.Existed, Output: made.Output, OutputDroppedBytes: made.OutputDropped,
	}, nil
}

func (m *modules) FetchModule(ctx context.Context, req *reactorv1.FetchModuleRequest) (*reactorv1.FetchModuleResponse, error) {
	fetched, err := m.registries.Fetch(ctx, registries.Request{Reference: req.GetReference(), Tag: req.GetTag(), Name: req.GetName()})
	if err != nil {
		return nil, err
	}
	return &reactorv1.FetchModuleResponse{Module: fromModule(fetched.Module), Existed: fetched.Existed, Artifact: fetched.Artifact}, nil
}
