package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// meantOther adds to the error for an id that another workload has in what the two differ.
func (j *job) meantOther(ctx context.Context, err error) error {
	if is, _ := reason.Of(err); is != reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS || j.launch.Plan.Count != 1 {
		return err
	}
	response, getErr := j.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: j.launch.Plan.ID})
	if getErr != nil {
		return err
	}
	sent := proto.CloneOf(j.launch.Spec)
	if module, getErr := j.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: sent.GetModule()}); getErr == nil {
		sent.Module = module.GetModule().GetDigest()
	}
	if fields := differences(sent, response.GetWorkload().GetSpec(), j.failed()); len(fields) > 0 {
		return fmt.Errorf("%w; they differ in %s", err, strings.Join(fields, ", "))
	}
	return err
}

// differences returns in what a spec differs from that of a workload, in the words of the command line. Limits that were
// not given are the daemon's defaults in the other.
func differences(sent, stored *reactorv1.WorkloadSpec, cmd failure.Command) (fields []string) {
	note := func(path protoreflect.Name) {
		if flag := failure.FlagOf("spec."+string(path), cmd.Flag); flag != "" {
			fields = append(fields, flag)
			return
		}
		fields = append(fields, string(path))
	}
	for field := range unequal(sent.ProtoReflect(), stored.ProtoReflect()) {
		switch name := field.Name(); {
		case name == "limits":
		case name == "output_mode":
			fields = append(fields, "the command: run waits for its output to be read, and submit does not")
		case name == "call":
			note("call.args")
		case name == "serve" && (sent.GetServe() == nil || stored.GetServe() == nil):
			fields = append(fields, "the command: serve has the module serve, and others do not")
		case name == "serve":
			for field := range unequal(sent.GetServe().ProtoReflect(), stored.GetServe().ProtoReflect()) {
				note("serve." + field.Name())
			}
		default:
			note(name)
		}
	}
	limits := stored.GetLimits().ProtoReflect()
	sent.GetLimits().ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !value.Equal(limits.Get(field)) {
			note("limits." + field.Name())
		}
		return true
	})
	return fields
}

// unequal returns the fields in which two messages differ. If one has the first value of an enum, and the other leaves it to the default,
// that is the same.
func unequal(a, b protoreflect.Message) iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		all := a.Descriptor().Fields()
		for i := range all.Len() {
			field := all.Get(i)
			x, y := a.Get(field), b.Get(field)
			if x.Equal(y) || field.Enum() != nil && x.Enum()+y.Enum() == 1 {
				continue
			}
			if !yield(field) {
				return
			}
		}
	}
}
