// Command web makes the calls of driver.js over the API of reactord, and prints what it does and gets, a line of JSON for each
// thing:
//
//	REACTORD_ADDR=ADDRESS go run ./examples/web examples/web/everywhere.wasm | diff examples/web/trace.jsonl -
//
// REACTORD_ADDR names the daemon: unix:/path/to/reactord.sock, or HOST:PORT with its token in REACTORD_TOKEN.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func main() {
	if len(os.Args) != 2 || os.Getenv("REACTORD_ADDR") == "" {
		fmt.Fprintln(os.Stderr, "usage: REACTORD_ADDR=ADDRESS go run ./examples/web COMPONENT.wasm")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Getenv("REACTORD_ADDR"), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, file string) error {
	binary, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	if token := os.Getenv("REACTORD_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	uploaded, err := reactorv1.NewModuleServiceClient(conn).UploadModule(ctx, &reactorv1.UploadModuleRequest{Content: binary})
	if err != nil {
		return err
	}
	d := &driver{ctx: ctx, workloads: reactorv1.NewWorkloadServiceClient(conn), module: uploaded.GetModule().GetDigest()}
	d.drive()
	return d.err
}

// driver calls the functions of a component, one after the other. After a fault it does nothing.
type driver struct {
	ctx       context.Context
	workloads reactorv1.WorkloadServiceClient
	module    string
	err       error // the first fault
}

// input is the number of the only stream or future that a call here takes.
const input = 1

func (d *driver) drive() {
	d.tell("call", []any{"greet", "Ada"})
	d.open("greet", text("Ada")).returned()
	d.tell("call", []any{"greet", ""})
	d.open("greet", text("")).returned()

	// A text in two chunks, and its words as they become whole.
	d.tell("call", []any{"words", "text"})
	c := d.open("words", channel())
	c.send("one two th")
	c.receive(2)
	c.send("ree")
	c.end()
	c.receive(2)
	c.summary()

	// Nobody wants the words any more: the component learns it when it has the next, and wants no more of the text.
	d.tell("call", []any{"words", "text"})
	c = d.open("words", channel())
	c.send("one ")
	c.receive(1)
	c.stop()
	c.send("two ")
	c.stopped()
	c.summary()

	// An answer in time, so that the component cancels its timer; and none, so that it cancels its read.
	d.tell("call", []any{"within", 60_000, "answer"})
	c = d.open("within", number(60_000), channel())
	c.answer("42")
	c.returned()
	d.tell("call", []any{"within", 10, "answer"})
	d.open("within", number(10), channel()).returned()
}

func (d *driver) tell(what string, value any) {
	if d.err == nil {
		d.err = json.NewEncoder(os.Stdout).Encode(map[string]any{what: value})
	}
}

func text(s string) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: s}}
}

func number(n uint64) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: n}}
}

func channel() *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Channel{Channel: input}}
}

// call is a call under way, with what the daemon has sent and nobody was told yet.
type call struct {
	*driver
	stream   grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse]
	result   *reactorv1.Value
	words    []*reactorv1.Value // at most 1,024 in all, since no window is granted
	noWords  bool               // after those
	future   *reactorv1.Value
	rejected bool // nobody reads the input any more
	ended    bool
}

// open begins a call.
func (d *driver) open(export string, args ...*reactorv1.Value) *call {
	c := &call{driver: d}
	if d.err == nil {
		c.stream, d.err = d.workloads.Call(d.ctx)
	}
	c.request(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{
		Spec: &reactorv1.WorkloadSpec{Module: d.module, Call: &reactorv1.FunctionCall{Export: export, Args: args}},
	}}})
	return c
}

func (c *call) request(m *reactorv1.CallRequest) {
	if c.err != nil {
		return
	}
	if err := c.stream.Send(m); err != nil && !errors.Is(err, io.EOF) { // EOF: Recv has the reason
		c.err = err
	}
}

// until takes what the daemon sends until it has sent what done looks for.
func (c *call) until(done func() bool) {
	for c.err == nil && !done() {
		var m *reactorv1.CallResponse
		if m, c.err = c.stream.Recv(); c.err != nil {
			return
		}
		switch part := m.GetPart().(type) {
		case *reactorv1.CallResponse_Result:
			c.result = part.Result.GetValue()
		case *reactorv1.CallResponse_Items:
			c.words, c.noWords = append(c.words, part.Items.GetValues()...), part.Items.GetEnd()
		case *reactorv1.CallResponse_Future:
			c.future = part.Future.GetValue()
		case *reactorv1.CallResponse_Stop:
			c.rejected = true
		case *reactorv1.CallResponse_Ended:
			c.ended = true
			if s := part.Ended.GetStatus(); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
				c.err = errors.New(s.GetMessage())
			}
		}
	}
}

func (c *call) finish() {
	c.until(func() bool { return c.ended })
}

func (c *call) returned() {
	c.finish()
	switch v := c.result.GetVariant(); v.GetCase() {
	case "ok":
		c.tell("returned", native(v.GetValue()))
	case "error":
		c.tell("failed", native(v.GetValue()))
	default:
		c.tell("returned", native(c.result))
	}
}

func (c *call) send(chunk string) {
	c.tell("send", chunk)
	c.items(&reactorv1.CallItems{Channel: input, Bytes: []byte(chunk)})
}

func (c *call) end() {
	c.tell("end", "text")
	c.items(&reactorv1.CallItems{Channel: input, End: true})
}

func (c *call) items(m *reactorv1.CallItems) {
	c.request(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Items{Items: m}})
}

func (c *call) stopped() {
	c.until(func() bool { return c.rejected })
	c.tell("stopped", "text")
}

// receive tells the next words, or the end of them.
func (c *call) receive(count int) {
	for range count {
		c.until(func() bool { return len(c.words) > 0 || c.noWords })
		if len(c.words) == 0 {
			c.tell("ended", "words")
			return
		}
		c.tell("word", native(c.words[0]))
		c.words = c.words[1:]
	}
}

func (c *call) stop() {
	c.until(func() bool { return c.result != nil })
	c.tell("stop", "words")
	if channels := c.result.GetTuple().GetItems(); len(channels) > 0 {
		words := &reactorv1.CallStop{Channel: channels[0].GetChannel()}
		c.request(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Stop{Stop: words}})
	}
}

func (c *call) summary() {
	c.finish()
	c.tell("summary", native(c.future))
}

func (c *call) answer(s string) {
	c.tell("answer", s)
	c.request(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Future{Future: &reactorv1.CallFuture{Channel: input, Value: text(s)}}})
}

// native is a value as JSON has it.
func native(v *reactorv1.Value) any {
	switch kind := v.GetKind().(type) {
	case *reactorv1.Value_Bool:
		return kind.Bool
	case *reactorv1.Value_Uint:
		return kind.Uint
	case *reactorv1.Value_Text:
		return kind.Text
	case *reactorv1.Value_Record:
		fields := map[string]any{}
		for name, field := range kind.Record.GetFields() {
			fields[name] = native(field)
		}
		return fields
	case *reactorv1.Value_Variant:
		if kind.Variant.GetValue() == nil {
			return kind.Variant.GetCase()
		}
		return map[string]any{kind.Variant.GetCase(): native(kind.Variant.GetValue())}
	default:
		return nil
	}
}
