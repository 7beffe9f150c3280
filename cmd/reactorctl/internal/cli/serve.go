package cli

import (
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/quantity"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// defaultServe is where a service listens without --listen.
const defaultServe = "127.0.0.1:8080"

// serveFlags are the flags that say how a component serves.
type serveFlags struct {
	instances, concurrent uint32
	requests, waiting     uint32
	idle, answer          time.Duration
	accessLog, offer      bool
	certificate, key      string
}

func (s *serveFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(limit(quantity.CountFlag(&s.instances, 1)), "instances", "how many instances of the component there may be (default: one for each worker, 8 at most; of WASI 0.2, 256)")
	f.Var(limit(quantity.CountFlag(&s.concurrent, 1)), "concurrent", "how many requests an instance has at a time (default: 128; of WASI 0.2 always 1)")
	f.Var(limit(quantity.CountFlag(&s.requests, 1)), "instance-requests", "after how many requests an instance is replaced; with 1 each has one of its own (default: 1024; of WASI 0.2, 1)")
	f.Var(limit(quantity.CountFlag(&s.waiting, 1)), "waiting", "how many requests wait while all instances are busy; more are answered with 503 (default: 1024)")
	f.DurationVar(&s.idle, "idle", 0, "the `DURATION` for which an instance is kept that has no request (default: 1s)")
	f.DurationVar(&s.answer, "answer-timeout", 0, "the longest `DURATION` of a request, until its response has ended (default: 1m)")
	f.BoolVar(&s.accessLog, "access-log", false, "write a line for each request, and each call of another workload, to the standard error")
	f.BoolVar(&s.offer, "offer", false, "let other workloads call the functions that the component exports, by --link; without --listen no HTTP is served")
	f.StringVar(&s.certificate, "cert", "", "serve with TLS: the `REF` of the certificate chain, PEM, on the daemon's machine: file:/PATH or env:NAME")
	f.StringVar(&s.key, "key", "", "the `REF` of the key of --cert")
}

// check returns what is wrong with the flags.
func (s *serveFlags) check(cmd *cobra.Command) error {
	switch {
	case s.certificate == "" && s.key != "":
		return usageError(cmd, "--key needs --cert, with the certificate of the key")
	case s.key == "" && s.certificate != "":
		return usageError(cmd, "--cert needs --key, with the key of the certificate")
	}
	return nil
}

// message is the service as it is submitted.
func (s *serveFlags) message() *reactorv1.HttpService {
	m := &reactorv1.HttpService{
		MaxInstances: s.instances, MaxConcurrentRequests: s.concurrent, MaxInstanceRequests: s.requests, MaxWaitingRequests: s.waiting,
		AccessLog: s.accessLog, Certificate: s.certificate, Key: s.key, Offer: s.offer,
	}
	if s.idle != 0 {
		m.IdleTimeout = durationpb.New(s.idle)
	}
	if s.answer != 0 {
		m.RequestTimeout = durationpb.New(s.answer)
	}
	return m
}

func (a *app) serveCommand() *cobra.Command {
	var flags specFlags
	var serve serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags] MODULE [ARG...]",
		Short: "Serve HTTP by a component, and follow its log",
		Long: `Serve HTTP/1.1 and HTTP/2 by a component: one that exports wasi:http/handler (WASI 0.3), or
wasi:http/incoming-handler (WASI 0.2). Requests come in at the address of --listen, by default ` + defaultServe + `.

The daemon makes instances of the component as requests come, and uses them again: those of WASI 0.3 for
many requests, also at the same time; those of WASI 0.2 for one. The limits of memory, stack, fuel, descriptors and
pending operations are those of each instance, the others of all together. If instances trap five times
within a second before the component has answered any request, the workload fails.

With --offer other workloads of the daemon may call the functions that the component exports: those that
import the functions, and are submitted with --link INTERFACE=workload:ID. Such calls get instances as requests
do. No HTTP is served then without --listen.

What the component writes is printed. An interrupt, a hangup, and an output that nobody reads cancel the
workload: requests under way have five seconds to end. With --detach it goes on without this command, and
is started again with the daemon; reactorctl status shows its address and what it has done, reactorctl ops
the requests under way.

` + limitsHelp + `

` + exitHelp,
		Example: `  reactorctl serve ./hello.wasm
  reactorctl serve --listen 127.0.0.1:9000 --access-log ./api.wasm
  reactorctl serve -d --id sums --offer ./sums.wasm
  reactorctl serve -d --id shop --instance-requests 1 --memory 64MiB shop`,
		Args: moduleThenArguments,
	}
	flags.addService(cmd)
	a.addRegistry(cmd)
	serve.add(cmd)
	flags.addWaiting(cmd, true)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return serve.check(cmd) }
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		j, err := a.plan(cmd, &flags, args)
		if err != nil {
			return err
		}
		spec := j.stages[0].spec
		spec.Serve = serve.message()
		if !listens(spec) && !serve.offer {
			spec.Grants = append(spec.Grants, &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: defaultServe}}})
		}
		if flags.waits(cmd) {
			spec.OutputMode = reactorv1.OutputMode_OUTPUT_MODE_DELIVER
		}
		if err := j.load(cmd.Context()); err != nil {
			return err
		}
		if !flags.waits(cmd) {
			return j.submitOnly(cmd.Context())
		}
		return j.run(cmd.Context())
	})
	return cmd
}

// listens reports whether a spec has a listener.
func listens(spec *reactorv1.WorkloadSpec) bool {
	for _, grant := range spec.GetGrants() {
		if grant.GetListener() != nil {
			return true
		}
	}
	return false
}
