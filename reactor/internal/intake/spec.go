package intake

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/internal/text"
)

// Bounds are the maximums of a submission.
type Bounds struct {
	// Labels, Arguments and Grants bound their numbers; Arguments also bounds the environment variables.
	Labels, Arguments, Grants int
	// ArgumentBytes bounds arguments and environment together, StdinBytes the submitted standard input, and the arguments
	// of a call.
	ArgumentBytes, StdinBytes int
	// Limits are the largest limits that may be asked for; a zero field (Fuel, Timeout) is no maximum.
	Limits api.Limits
}

// CheckSpec checks a spec, as far as the spec itself shows faults; limits are its limits with defaults filled in. It
// consults no module, file or clock.
func (b *Bounds) CheckSpec(f *errs.Faults, spec *api.Spec, limits api.Limits) {
	if spec.Module == "" {
		f.Add("spec.module", "a module is required: a digest or a tag")
	}
	CheckName(f, "spec.name", spec.Name)
	checkLabels(f, spec.Labels, b.Labels)
	b.checkArguments(f, spec)
	if len(spec.Stdin) > b.StdinBytes {
		f.Add("spec.stdin", "%d bytes are more than the %s allowed: make it interactive (-i), and send them as its input", len(spec.Stdin), humanize.IBytes(uint64(b.StdinBytes))) //nolint:gosec // not negative
	}
	if strings.ContainsRune(spec.Invoke, 0) || !utf8.ValidString(spec.Invoke) {
		f.Add("spec.invoke", "is not the name of an export")
	}
	b.checkCall(f, spec)
	checkService(f, spec)
	grant.Check(f, spec.Grants, b.Grants)
	checkSecrets(f, spec)
	b.checkLimits(f, spec, limits)
}

func (b *Bounds) checkCall(f *errs.Faults, spec *api.Spec) {
	call := spec.Call
	if call == nil {
		return
	}
	switch {
	case spec.Invoke != "":
		f.Add("spec.call", "invoke is for core modules, and call for components: only one of them can be set")
	case call.Export == "":
		f.Add("spec.call.export", "the name of a function is required")
	case len(call.Export) > maxExportBytes || strings.ContainsRune(call.Export, 0) || !utf8.ValidString(call.Export):
		f.Add("spec.call.export", "is not the name of a function")
	}
	bytes := 0
	for i := range call.Args {
		bytes += call.Args[i].Size()
	}
	if bytes > b.StdinBytes {
		f.Add("spec.call.args", "the values take %d bytes, more than the %s allowed: let the function take what is larger as a stream, or read it from its standard input",
			bytes, humanize.IBytes(uint64(b.StdinBytes))) //nolint:gosec // not negative
	}
}

// maxExportBytes bounds the name of a function: that of an interface, and its own.
const maxExportBytes = 1024

func checkLabels(f *errs.Faults, labels map[string]string, most int) {
	if len(labels) > most {
		f.Add("spec.labels", "%d labels are more than the %d allowed", len(labels), most)
		return
	}
	for k, v := range labels {
		path := fmt.Sprintf("spec.labels[%q]", k)
		if err := selector.CheckKey(k); err != nil {
			f.Add(path, "%v", err)
		} else if climbs(k) {
			f.Add(path, "\".\" and \"..\" are no parts of a label's key")
		}
		if err := selector.CheckValue(v); err != nil {
			f.Add(path, "%v", err)
		} else if climbs(v) {
			f.Add(path, "\".\" and \"..\" are no parts of a label's value")
		}
	}
}

func (b *Bounds) checkArguments(f *errs.Faults, spec *api.Spec) {
	if len(spec.Args) > b.Arguments {
		f.Add("spec.args", "%d arguments are more than the %d allowed", len(spec.Args), b.Arguments)
	} else {
		for i, arg := range spec.Args {
			text.CheckCString(f, func() string { return fmt.Sprintf("spec.args[%d]", i) }, arg)
		}
	}
	if len(spec.Env) > b.Arguments {
		f.Add("spec.env", "%d variables are more than the %d allowed", len(spec.Env), b.Arguments)
	} else {
		for k, v := range spec.Env {
			path := func() string { return fmt.Sprintf("spec.env[%q]", k) }
			if k == "" || strings.Contains(k, "=") {
				f.Add(path(), "the name of a variable must not be empty nor contain \"=\"")
			}
			text.CheckCString(f, path, k)
			text.CheckCString(f, path, v)
		}
	}
	total := 0
	for _, arg := range spec.Args {
		total += len(arg) + 1
	}
	for k, v := range spec.Env {
		total += len(k) + len(v) + 2
	}
	if total > b.ArgumentBytes {
		f.Add("spec.args", "arguments and environment have %d bytes, more than the %d allowed; use stdin or a granted folder", total, b.ArgumentBytes)
	}
}

// checkSecrets checks that no variable is set twice.
func checkSecrets(f *errs.Faults, spec *api.Spec) {
	for i, g := range spec.Grants {
		secret, ok := g.(grant.Secret)
		if _, taken := spec.Env[secret.Name]; ok && taken {
			f.Add(fmt.Sprintf("spec.grants[%d].secret.name", i), "%q is in the environment, too: a variable has one value", secret.Name)
		}
	}
}

// stdioDescriptors is how many descriptors a guest has without grants.
const stdioDescriptors = 3

func (b *Bounds) checkLimits(f *errs.Faults, spec *api.Spec, limits api.Limits) {
	if spec.Limits.Timeout < 0 {
		f.Add("spec.limits.timeout", "%v is negative", spec.Limits.Timeout)
	}
	for _, over := range Excesses(spec.Limits, b.Limits) {
		f.Add("spec.limits."+over.Path, "%s is above the maximum, %s", over.Value, over.Maximum)
	}
	if need := stdioDescriptors + capability.Handles(spec.Grants); int(limits.Descriptors) < need {
		f.Add("spec.limits.descriptors", "%d are too few: standard streams and grants need %d", limits.Descriptors, need)
	}
	if need := sockets(spec.Grants); int(limits.Connections) < need {
		f.Add("spec.limits.connections", "%d are too few: the grants need %d", limits.Connections, need)
	}
}

// sockets counts the sockets that a guest is given.
func sockets(grants []grant.Grant) (n int) {
	for _, g := range grants {
		if g != nil && g.Handle() == capability.SocketHandle {
			n++
		}
	}
	return n
}
