package integration

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

type callClient = grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse]

func onChannel(id uint32) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Channel{Channel: id}}
}

// openCall begins a call of a function of flow.
func openCall(t *testing.T, d *testkit.Daemon, module, export string, args ...*reactorv1.Value) callClient {
	t.Helper()
	stream, err := d.Workloads.Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{
		Spec: &reactorv1.WorkloadSpec{Module: module, Call: &reactorv1.FunctionCall{Export: export, Args: args}},
	}}})
	return stream
}

func send(t *testing.T, stream callClient, m *reactorv1.CallRequest) {
	t.Helper()
	if err := stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func itemsOf(m *reactorv1.CallItems) *reactorv1.CallRequest {
	return &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Items{Items: m}}
}

// answers is what a call has answered.
type answers struct {
	result *reactorv1.Value
	bytes  []byte
	values []*reactorv1.Value
	future *reactorv1.Value
	ended  *reactorv1.WorkloadStatus
}

// finish reads what a call answers, and grants windows for it.
func finish(t *testing.T, stream callClient) (a answers, err error) {
	t.Helper()
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		switch part := m.GetPart().(type) {
		case *reactorv1.CallResponse_Result:
			a.result = part.Result.GetValue()
		case *reactorv1.CallResponse_Items:
			a.bytes = append(a.bytes, part.Items.GetBytes()...)
			a.values = append(a.values, part.Items.GetValues()...)
			if !part.Items.GetEnd() {
				send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Window{Window: &reactorv1.CallWindow{
					Channel: part.Items.GetChannel(), Items: 1 << 16, Bytes: 1 << 16,
				}}})
			}
		case *reactorv1.CallResponse_Future:
			a.future = part.Future.GetValue()
		case *reactorv1.CallResponse_Ended:
			a.ended = part.Ended.GetStatus()
		}
	}
}

// Streams and futures cross in both directions, as arguments and results, also within others.
func TestCallStreams(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "flow")
	input := bytes.Repeat([]byte("abc\n"), 10<<10)
	some := &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "some", Value: onChannel(1)}}}
	for export, arg := range map[string]*reactorv1.Value{"upper": onChannel(1), "maybe-upper": some, "same": onChannel(1)} {
		stream := openCall(t, d, module, export, arg)
		send(t, stream, itemsOf(&reactorv1.CallItems{Channel: 1, Bytes: input, End: true}))
		want := input
		if export != "same" {
			want = bytes.ToUpper(input)
		}
		if got, err := finish(t, stream); err != nil || !bytes.Equal(got.bytes, want) || got.ended.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("%s: %d bytes, %v, %v", export, len(got.bytes), got.ended, err)
		}
	}
	stream := openCall(t, d, module, "count", whole(1), whole(5000))
	if got, err := finish(t, stream); err != nil || len(got.values) != 5000 || got.values[4999].GetUint() != 5000 {
		t.Errorf("count: %d items, %v, %v", len(got.values), got.ended, err)
	}
	stream = openCall(t, d, module, "total", onChannel(7))
	send(t, stream, itemsOf(&reactorv1.CallItems{Channel: 7, Values: []*reactorv1.Value{whole(1), whole(2)}}))
	send(t, stream, itemsOf(&reactorv1.CallItems{Channel: 7, Values: []*reactorv1.Value{whole(39)}, End: true}))
	if got, err := finish(t, stream); err != nil || got.result.GetUint() != 42 {
		t.Errorf("total: %v, %v", got, err)
	}
	stream = openCall(t, d, module, "later", onChannel(1))
	send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Future{Future: &reactorv1.CallFuture{
		Channel: 1, Value: &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: "now"}},
	}}})
	if got, err := finish(t, stream); err != nil || got.future.GetText() != "now" {
		t.Errorf("later: %v, %v", got, err)
	}
}

// The end of a stream that a component passes on waits for the client's window, as all of it does.
func TestCallPassesOnTheEnd(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	stream := openCall(t, d, pushComponent(t, d, "flow"), "same", onChannel(1))
	first, last := bytes.Repeat([]byte("x"), 64<<10), []byte("the end")
	send(t, stream, itemsOf(&reactorv1.CallItems{Channel: 1, Bytes: first}))
	got := 0
	for windows := 0; windows < len(first) || got < len(first); {
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		windows += int(m.GetWindow().GetBytes())
		got += len(m.GetItems().GetBytes())
	}
	send(t, stream, itemsOf(&reactorv1.CallItems{Channel: 1, Bytes: last, End: true}))
	time.Sleep(100 * time.Millisecond) // in which a daemon at fault ends the call
	send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Window{Window: &reactorv1.CallWindow{Channel: 1, Bytes: 100}}})
	if a, err := finish(t, stream); err != nil || string(a.bytes) != string(last) {
		t.Errorf("the last bytes are %q, %v", a.bytes, err)
	}
}

// A call that opens no channel, and so has nothing to wait for, ends with what it returned.
func TestCallWithoutChannels(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "flow")
	none := &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "none"}}}
	for range 100 {
		got, err := finish(t, openCall(t, d, module, "maybe-upper", none))
		if err != nil || got.ended == nil || got.result.GetVariant().GetCase() != "error" {
			t.Fatalf("%v, %v", got, err)
		}
	}
}

// A cancel ends a call that heeds it, and one that does not, a second later.
func TestCallCancel(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "flow")
	for _, export := range []string{"forever", "stubborn"} {
		stream := openCall(t, d, module, export)
		send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Cancel{Cancel: &reactorv1.CallCancel{}}})
		if got, err := finish(t, stream); err != nil || got.ended.GetReason() != reactorv1.EndReason_END_REASON_CANCELLED {
			t.Errorf("%s: %v, %v", export, got.ended, err)
		}
	}
}

// What is wrong with what a client sends is told by its place.
func TestCallFaults(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "flow")
	for _, tt := range []struct {
		m    *reactorv1.CallRequest
		text string
	}{
		{itemsOf(&reactorv1.CallItems{Channel: 2, Bytes: []byte{1}}), "channel 2"},
		{itemsOf(&reactorv1.CallItems{Channel: 1, Values: []*reactorv1.Value{whole(-1)}}), "channel 1.values[0]"},
		{&reactorv1.CallRequest{}, "part"},
	} {
		stream := openCall(t, d, module, "total", onChannel(1))
		send(t, stream, tt.m)
		if _, err := finish(t, stream); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
	stream := openCall(t, d, module, "unread", onChannel(1), onChannel(2))
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := finish(t, stream); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "no value") {
		t.Errorf("a future without a value: %v", err)
	}
}
