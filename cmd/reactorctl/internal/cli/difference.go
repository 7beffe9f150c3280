package cli

import (
	"context"
	"fmt"
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
	a, b := sent.ProtoReflect(), stored.ProtoReflect()
	all := a.Descriptor().Fields()
	for i := range all.Len() {
		field := all.Get(i)
		switch {
		case field.Name() == "limits", a.Get(field).Equal(b.Get(field)), field.Enum() != nil && a.Get(field).Enum()+b.Get(field).Enum() == 1:
			continue // one says what the other leaves to the default, which is the first of an enum
		case field.Name() == "output_mode":
			fields = append(fields, "the command: run waits for its output to be read, and submit does not")
		default:
			note(field.Name())
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
