package server

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
)

// The bounds of a WatchStats interval.
const (
	defaultInterval = time.Second
	leastInterval   = 100 * time.Millisecond
)

type node struct {
	reactorv1.UnimplementedNodeServiceServer
	reactor *reactor.Reactor
	audit   Audit
	// drained updates the health service.
	drained func(bool)
}

func (n *node) GetNode(context.Context, *reactorv1.GetNodeRequest) (*reactorv1.GetNodeResponse, error) {
	return &reactorv1.GetNodeResponse{Node: fromNode(n.reactor.Node())}, nil
}

func (n *node) GetStats(context.Context, *reactorv1.GetStatsRequest) (*reactorv1.GetStatsResponse, error) {
	return &reactorv1.GetStatsResponse{Stats: fromStats(n.reactor.Stats())}, nil
}

func (n *node) WatchStats(req *reactorv1.WatchStatsRequest, stream grpc.ServerStreamingServer[reactorv1.WatchStatsResponse]) error {
	interval := defaultInterval
	if p := req.GetInterval(); p != nil {
		if p.CheckValid() != nil || p.AsDuration() < leastInterval {
			return fields{{Path: "interval", Description: "must be from 100 ms to 10,000 years"}}.err()
		}
		interval = p.AsDuration()
	}
	return n.reactor.WatchStats(stream.Context(), interval, func(s api.Stats) error {
		return stream.Send(&reactorv1.WatchStatsResponse{Stats: fromStats(s)})
	})
}

func (n *node) Drain(ctx context.Context, req *reactorv1.DrainRequest) (*reactorv1.DrainResponse, error) {
	before := n.reactor.Draining()
	unfinished := n.reactor.Drain(req.GetUndo())
	now := n.reactor.Draining()
	n.drained(now)
	if now != before {
		n.audit.OnDrained(access.FromContext(ctx).String(), before)
	}
	return &reactorv1.DrainResponse{Unfinished: unfinished}, nil
}
