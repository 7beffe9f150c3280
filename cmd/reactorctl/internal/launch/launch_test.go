package launch

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

var (
	errLost    = status.Error(codes.Unavailable, "connection reset")
	errRefused = status.Error(codes.InvalidArgument, "no such flag")
)

// node is a daemon that keeps workloads, and fails as its fields say.
type node struct {
	reactorv1.WorkloadServiceClient

	workloads map[string]bool // true: running
	// created is when a workload was created that is older than the test, and others whose specs differ.
	created map[string]time.Time
	others  map[string]bool
	room    int
	pruned  bool // the module is gone
	// onSubmit is called with the number of the call before it is carried out, onAnswer before it is answered.
	onSubmit, onAnswer func(call int) error
	// onCancel is called before a cancel.
	onCancel func(call int) error

	submits, cancels int
}

func (n *node) call(hook func(int) error, call int) error {
	if hook == nil {
		return nil
	}
	return hook(call)
}

func (n *node) SubmitWorkload(ctx context.Context, r *reactorv1.SubmitWorkloadRequest, _ ...grpc.CallOption) (*reactorv1.SubmitWorkloadResponse, error) {
	n.submits++
	if err := n.call(n.onSubmit, n.submits); err != nil {
		return nil, err
	}
	if n.pruned {
		return nil, status.Error(codes.NotFound, "there is no such module")
	}
	if n.others[r.GetId()] {
		return nil, errOther()
	}
	_, exists := n.workloads[r.GetId()]
	n.workloads[r.GetId()] = true
	if err := n.call(n.onAnswer, n.submits); err != nil {
		return nil, err
	}
	return &reactorv1.SubmitWorkloadResponse{Workload: &reactorv1.Workload{Id: r.GetId()}, Created: !exists}, ctx.Err()
}

func (n *node) SubmitWorkloads(_ context.Context, r *reactorv1.SubmitWorkloadsRequest, _ ...grpc.CallOption) (*reactorv1.SubmitWorkloadsResponse, error) {
	n.submits++
	response := &reactorv1.SubmitWorkloadsResponse{}
	for _, one := range r.GetRequests() {
		result := &reactorv1.SubmitWorkloadsResult{Id: one.GetId()}
		switch {
		case n.pruned:
			result.Error = &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_MODULE_NOT_FOUND, Message: "there is no such module"}
		case n.others[one.GetId()]:
			result.Error = &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS, Message: "another spec"}
		case n.workloads[one.GetId()]: // it exists
		case len(n.workloads) >= n.room:
			result.Error = &reactorv1.Error{Message: "the queue is full"}
		default:
			n.workloads[one.GetId()], result.Created = true, true
		}
		response.Results = append(response.Results, result)
	}
	return response, n.call(n.onAnswer, n.submits)
}

// errOther is the refusal of an id that a workload with another spec has.
func errOther() error {
	refusal, err := status.New(codes.AlreadyExists, "another spec").WithDetails(&errdetails.ErrorInfo{Reason: "WORKLOAD_EXISTS"})
	if err != nil {
		return err
	}
	return refusal.Err()
}

func (n *node) GetWorkload(_ context.Context, r *reactorv1.GetWorkloadRequest, _ ...grpc.CallOption) (*reactorv1.GetWorkloadResponse, error) {
	if _, exists := n.workloads[r.GetId()]; !exists {
		return nil, status.Error(codes.NotFound, "no such workload")
	}
	created, ok := n.created[r.GetId()]
	if !ok {
		created = time.Now()
	}
	return &reactorv1.GetWorkloadResponse{Workload: &reactorv1.Workload{
		Id: r.GetId(), Status: &reactorv1.WorkloadStatus{CreateTime: timestamppb.New(created.Add(skew))},
	}}, nil
}

// skew is by how much the node's clock is ahead.
const skew = time.Hour

// statistics tell the node's time.
type statistics struct{ reactorv1.NodeServiceClient }

func (statistics) GetStats(context.Context, *reactorv1.GetStatsRequest, ...grpc.CallOption) (*reactorv1.GetStatsResponse, error) {
	return &reactorv1.GetStatsResponse{Stats: &reactorv1.Stats{Time: timestamppb.New(time.Now().Add(skew))}}, nil
}

func (n *node) CancelWorkloads(ctx context.Context, r *reactorv1.CancelWorkloadsRequest, _ ...grpc.CallOption) (*reactorv1.CancelWorkloadsResponse, error) {
	n.cancels++
	if err := n.call(n.onCancel, n.cancels); err != nil {
		return nil, err
	}
	response := &reactorv1.CancelWorkloadsResponse{}
	for _, id := range r.GetIds() {
		result := &reactorv1.CancelWorkloadsResult{Id: id}
		switch running, exists := n.workloads[id]; {
		case !exists:
			result.Error = &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND, Message: "no such workload"}
		case !running:
			result.Error = &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_FINISHED, Message: "it has ended"}
		default:
			result.Cancelled, n.workloads[id] = true, false
		}
		response.Results = append(response.Results, result)
	}
	return response, ctx.Err()
}

// running returns the ids of the workloads that run.
func (n *node) running() (ids []string) {
	for id, running := range n.workloads {
		if running {
			ids = append(ids, id)
		}
	}
	return ids
}

// newLaunch returns a launch at a node that has answered before.
func newLaunch(t *testing.T, n *node, count int) *Launch {
	t.Helper()
	n.workloads = map[string]bool{}
	l := &Launch{
		Client: n, Node: statistics{}, Plan: Plan{ID: "w", Count: count}, Spec: &reactorv1.WorkloadSpec{Module: "m"},
		Follower: &follow.Follower{Patience: time.Minute, Say: func(string) {}},
	}
	l.Follower.Reached("")
	return l
}

// Whatever happens to the submission of one workload, a cancel leaves none.
func TestOne(t *testing.T) {
	errInterrupted := errors.New("interrupted")
	for _, c := range []struct {
		name     string
		node     func(interrupt func()) *node
		err      error // of Submit
		existing bool
		may      bool // exist
		cancels  int
		want     Cancelled
	}{
		{"submitted", func(func()) *node { return &node{} }, nil, false, true, 1, Cancelled{Cancelled: 1}},
		{"interrupted before", func(interrupt func()) *node { interrupt(); return &node{} }, errInterrupted, false, false, 0, Cancelled{}},
		{"interrupted meanwhile", func(interrupt func()) *node {
			return &node{onSubmit: func(int) error { interrupt(); return nil }}
		}, errInterrupted, false, true, 1, Cancelled{Cancelled: 1}},
		{"refused", func(func()) *node {
			return &node{onSubmit: func(int) error { return errRefused }}
		}, errRefused, false, false, 0, Cancelled{}},
		{"the answer is lost", func(func()) *node {
			return &node{onAnswer: func(call int) error {
				if call == 1 {
					return errLost
				}
				return nil
			}}
		}, nil, false, true, 1, Cancelled{Cancelled: 1}},
		{"interrupted, and the answer is lost", func(interrupt func()) *node {
			return &node{onAnswer: func(int) error { interrupt(); return errLost }}
		}, errLost, false, true, 1, Cancelled{Cancelled: 1}},
		{"interrupted, and no answer comes", func(interrupt func()) *node {
			return &node{onAnswer: func(int) error { interrupt(); time.Sleep(answerGrace); return status.Error(codes.Canceled, "late") }}
		}, status.Error(codes.Canceled, "late"), false, true, 1, Cancelled{Cancelled: 1}},
		{"the daemon is away while it is cancelled", func(func()) *node {
			return &node{onCancel: func(call int) error {
				if call < 5 {
					return errLost
				}
				return nil
			}}
		}, nil, false, true, 5, Cancelled{Cancelled: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				n := c.node(func() { cancel(errInterrupted) })
				l := newLaunch(t, n, 1)
				if err := l.Submit(ctx); !errors.Is(err, c.err) {
					t.Errorf("submit: %v, want %v", err, c.err)
				}
				if existing := l.Existing() != nil; existing != c.existing || l.MayExist() != c.may {
					t.Errorf("existing %t, may exist %t", existing, l.MayExist())
				}
				got, err := l.Cancel(t.Context())
				if err != nil || got != c.want || n.cancels != c.cancels || len(n.running()) > 0 {
					t.Errorf("cancel: %+v, %v, %d calls; %q run", got, err, n.cancels, n.running())
				}
			})
		})
	}
}

// A workload whose submission was cut off is stored only after the first cancel.
func TestLateWorkload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{onSubmit: func(int) error { return status.Error(codes.Internal, "?") }}
		n.onCancel = func(call int) error {
			if call == 3 {
				n.workloads["w"] = true
			}
			return nil
		}
		l := newLaunch(t, n, 1)
		if err := l.Submit(t.Context()); err == nil {
			t.Error("no error")
		}
		if got, err := l.Cancel(t.Context()); err != nil || got.Cancelled != 1 || len(n.running()) > 0 {
			t.Errorf("%+v, %v, %q run", got, err, n.running())
		}
	})
}

// A launch whose ids a user chose takes back what it has created, and nothing that was there before.
func TestTakesBackOnlyItsOwn(t *testing.T) {
	lose := func(int) error { return status.Error(codes.Internal, "?") }
	for _, c := range []struct {
		name     string
		count    int
		node     *node
		before   []string // run since before the launch
		others   []string // of them, those with another spec
		accepted int
		earlier  int
		left     []string // run in the end
	}{
		{"all are there", 3, &node{}, []string{"w-0", "w-1", "w-2"}, nil, 3, 3, []string{"w-0", "w-1", "w-2"}},
		{"one is another", 3, &node{}, []string{"w-0", "w-1", "w-2"}, []string{"w-1"}, 2, 2, []string{"w-0", "w-1", "w-2"}},
		{"some are there", 4, &node{}, []string{"w-0", "w-1"}, []string{"w-1"}, 3, 1, []string{"w-0", "w-1"}},
		{"the only one is there", 1, &node{}, []string{"w"}, nil, 1, 1, []string{"w"}},
		{"the only one is another", 1, &node{}, []string{"w"}, []string{"w"}, 0, 0, []string{"w"}},
		{"the answer is lost", 3, &node{onAnswer: lose}, []string{"w-1"}, nil, 0, 0, []string{"w-1"}},
		{"the answer is lost, and one is another", 3, &node{onAnswer: lose}, []string{"w-1"}, []string{"w-1"}, 0, 0, []string{"w-1"}},
		{"the answer about the only one is lost", 1, &node{onAnswer: lose}, []string{"w"}, nil, 0, 0, []string{"w"}},
		{"the answer about a new one is lost", 1, &node{onAnswer: lose}, nil, nil, 0, 0, nil},
		{"the first answer is lost", 3, &node{onAnswer: func(call int) error {
			if call == 1 {
				return errLost
			}
			return nil
		}}, []string{"w-0", "w-1"}, []string{"w-1"}, 2, 0, []string{"w-0", "w-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := c.node
				n.room = 10
				l := newLaunch(t, n, c.count)
				l.Chosen = true
				n.created, n.others = map[string]time.Time{}, map[string]bool{}
				for _, id := range c.before {
					n.workloads[id], n.created[id] = true, time.Now()
				}
				for _, id := range c.others {
					n.others[id] = true
				}
				time.Sleep(time.Second)
				_ = l.Submit(t.Context()) // it may fail
				if l.Accepted() != c.accepted || l.Earlier() != c.earlier {
					t.Errorf("accepted %d, earlier %d", l.Accepted(), l.Earlier())
				}
				_, err := l.Cancel(t.Context())
				left := n.running()
				if slices.Sort(left); err != nil || !slices.Equal(left, c.left) {
					t.Errorf("%v; %q run, want %q", err, left, c.left)
				}
			})
		})
	}
}

func TestCancelGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{onCancel: func(int) error { return errLost }}
		l := newLaunch(t, n, 1)
		if err := l.Submit(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := l.Cancel(ctx); !errors.Is(err, errLost) {
			t.Errorf("got %v", err)
		}
	})
}

func TestExisting(t *testing.T) {
	n := &node{}
	l := newLaunch(t, n, 1)
	n.workloads["w"] = true
	if err := l.Submit(t.Context()); err != nil || l.Existing().GetId() != "w" {
		t.Errorf("%v, %v", l.Existing(), err)
	}
}

func TestMany(t *testing.T) {
	n := &node{room: 2500}
	l := newLaunch(t, n, 4000)
	var progress []int
	l.OnProgress = func(submitted int) { progress = append(progress, submitted) }
	err := l.Submit(t.Context())
	if e, ok := errors.AsType[*IncompleteError](err); !ok || e.Submitted != 2500 || !strings.Contains(err.Error(), "2500 of 4000 workloads were submitted: w-2500 was refused: the queue is full") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(progress, []int{1000, 2000}) || n.submits != 3 {
		t.Errorf("progress %v, %d calls", progress, n.submits)
	}
	if got, err := l.Cancel(t.Context()); err != nil || got.Cancelled != 2500 || len(n.running()) > 0 {
		t.Errorf("%+v, %v, %d run", got, err, len(n.running()))
	}
}

// An interrupt while the second of four calls is under way.
func TestManyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := &node{room: 4000, onAnswer: func(call int) error {
		if call == 2 {
			cancel()
		}
		return nil
	}}
	l := newLaunch(t, n, 4000)
	if err := l.Submit(ctx); !errors.Is(err, context.Canceled) || n.submits != 2 {
		t.Errorf("%d calls, %v", n.submits, err)
	}
	if got, err := l.Cancel(t.Context()); err != nil || got.Cancelled != 2000 || len(n.running()) > 0 {
		t.Errorf("%+v, %v, %d run", got, err, len(n.running()))
	}
}

// A call has no more bytes than the daemon takes.
func TestLargeSpecs(t *testing.T) {
	n := &node{room: 100}
	l := newLaunch(t, n, 10)
	l.Spec.Stdin = make([]byte, 2<<20)
	if err := l.Submit(t.Context()); err != nil || n.submits != 10 || len(n.workloads) != 10 {
		t.Errorf("%d calls, %d workloads, %v", n.submits, len(n.workloads), err)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{"app", 1}, "app"},
		{Plan{"app", 2}, "app-0 ... app-1: 2 workloads"},
		{Plan{"app", 1000}, "app-0 ... app-999: 1000 workloads"},
	} {
		if got := c.plan.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestNewID(t *testing.T) {
	// As the API has it.
	valid := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	for name, want := range map[string]string{
		"hello": "hello-", "my guest!": "my-guest-", "": "", "...": "", "日本語": "", "-x-": "x-", ".hidden": "hidden-",
		strings.Repeat("long", 100): strings.Repeat("long", 10) + "-", "sha256:066d04ce": "sha256-066d04ce-", "team/tool:v1": "team-tool-v1-",
	} {
		id := NewID(name)
		if !valid.MatchString(id) || !strings.HasPrefix(id, want) || len(id) != len(want)+randomness {
			t.Errorf("%q: %q", name, id)
		}
		if id == NewID(name) {
			t.Errorf("%q: twice %q", name, id)
		}
	}
}

// A module that was pruned between the push and the submission is pushed again, but not for ever.
func TestPrunedModule(t *testing.T) {
	errPush := errors.New("no room")
	for _, c := range []struct {
		name    string
		prunes  int // so many pushes are of no use
		mine    bool
		err     error // of the push
		pushes  int
		accepts bool
	}{
		{"pruned once", 0, true, nil, 1, true},
		{"pruned again", 3, true, nil, 4, true},
		{"pruned for ever", mostPushes, true, nil, mostPushes, false},
		{"the push fails", 0, true, errPush, 1, false},
		{"a module of others", 0, false, nil, 0, false},
	} {
		for _, count := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				n := &node{room: 10, pruned: true}
				l := newLaunch(t, n, count)
				pushes := 0
				if c.mine {
					l.Push = func(context.Context) error {
						pushes++
						n.pruned = pushes <= c.prunes
						return c.err
					}
				}
				err := l.Submit(t.Context())
				if (err == nil) != c.accepts || l.MayExist() != c.accepts || pushes != c.pushes {
					t.Errorf("%s, %d workloads: got %v after %d pushes, want %d", c.name, count, err, pushes, c.pushes)
				}
				if c.err != nil && count == 1 && !errors.Is(err, c.err) {
					t.Errorf("%s: got %v", c.name, err)
				}
				if c.accepts && l.Accepted() != count {
					t.Errorf("%s: accepted %d of %d", c.name, l.Accepted(), count)
				}
			})
		}
	}
}
