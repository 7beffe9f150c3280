package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) grantsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "grants ID",
		Short: "Show what a workload was granted, and what it was refused",
		Long: `Show the grants of a workload, which of them were revoked, and how many descriptors are open through
each: files, listeners, and connections that it accepted or dialled. It also shows what the guest tried without a grant, and the smallest set of flags that would have been
enough: the first 8 things, or all of a workload that was started with --grants report. Programs that could not
connect do not try what would have come next, so it can take several runs until nothing is refused.`,
		Example: `  reactorctl run --id try --grants report ./app
  reactorctl grants try`,
		Args: operands(cobra.ExactArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			grants, err := a.workloads().GetGrants(cmd.Context(), &reactorv1.GetGrantsRequest{Id: args[0]})
			if err != nil {
				return err
			}
			if !a.output.IsTable() {
				return a.output.Message(a.Out, grants)
			}
			return a.printGrants(cmd.Context(), args[0], grants)
		}),
	}
}

func (a *app) printGrants(ctx context.Context, id string, grants *reactorv1.GetGrantsResponse) error {
	if len(grants.GetGrants()) > 0 {
		if err := render.Grants(grants.GetGrants()).Print(a.screen(), a.output.IsWide()); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.Err, "it has no grants")
	}
	if len(grants.GetRefused()) == 0 {
		return a.printNothingRefused(ctx, id)
	}
	fmt.Fprintln(a.Out)
	if err := render.Refused(grants.GetRefused()).Print(a.screen(), a.output.IsWide()); err != nil {
		return err
	}
	if grants.GetRefusedMore() {
		fmt.Fprintln(a.Err, "there was more, which was not noted")
	}
	if slices.ContainsFunc(grants.GetRefused(), func(r *reactorv1.RefusedAccess) bool { return r.GetKind() == reactorv1.OpKind_OP_KIND_FILE }) {
		fmt.Fprintln(a.Err, "its paths lead out of the folder that they begin in: grant a folder that contains both instead of that one")
	}
	if slices.ContainsFunc(grants.GetRefused(), asksNameServer) {
		fmt.Fprintln(a.Err, "it asks name servers by itself: a Go program built with GOFLAGS=-tags=getaddrinfo has the daemon look up names instead")
	}
	if slices.ContainsFunc(grants.GetRefused(), (*reactorv1.RefusedAccess).GetForbidden) {
		fmt.Fprintln(a.Err, "the operator does not allow all of that: no flag helps there")
	}
	if flags := render.GrantFlags(grants.GetMissing()); flags != "" {
		fmt.Fprintf(a.Out, "\nenough for that: %s\n", flags)
	}
	return nil
}

// asksNameServer reports whether a guest tried to reach a name server.
func asksNameServer(r *reactorv1.RefusedAccess) bool {
	return r.GetProtocol() == reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP && strings.HasSuffix(r.GetTarget(), ":53")
}

// printNothingRefused says so of a workload of which it would be known.
func (a *app) printNothingRefused(ctx context.Context, id string) error {
	response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
	if err != nil {
		return err
	}
	w := response.GetWorkload()
	if w.GetSpec().GetGrantMode() == reactorv1.GrantMode_GRANT_MODE_REPORT {
		fmt.Fprintln(a.Err, "nothing was refused")
	}
	if a.cannotDial(ctx, w) {
		fmt.Fprintln(a.Err, cannotDial)
	}
	return nil
}

func (a *app) revokeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke ID GRANT... | revoke ID --all",
		Short: "Take grants away from a workload, at once and for good",
		Long: `Take grants away from a workload, also from its further attempts. What the guest has open through them is
closed: operations that wait end at once, and later ones fail, with the errno "notcapable". A GRANT is what
"reactorctl grants ID" shows, its number there, its kind with the name or the address that it has, such as
connect:db, listen:127.0.0.1:80, dial:*.example.org:443 or dir:/data, or the flag that gave it, such as
--listen web=127.0.0.1:80. The kind may be left out if only one grant can be meant.`,
		Example: `  reactorctl revoke web connect:db
  reactorctl revoke web --listen 127.0.0.1:80
  reactorctl revoke web 0 2`,
		Args: operands(cobra.MinimumNArgs(1)),
	}
	cmd.Flags().BoolVar(&all, "all", false, "revoke all grants")
	given := addRevoked(cmd.Flags())
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		id, wanted := args[0], append(joinKinds(args[1:]), given()...)
		if all == (len(wanted) > 0) {
			return usageError(cmd, "give either grants or --all")
		}
		grants, err := a.workloads().GetGrants(cmd.Context(), &reactorv1.GetGrantsRequest{Id: id})
		if err != nil {
			return err
		}
		request := &reactorv1.RevokeGrantsRequest{Id: id, All: all}
		if request.Indices, err = findGrants(grants.GetGrants(), wanted); err != nil {
			return err
		}
		response, err := a.workloads().RevokeGrants(cmd.Context(), request)
		if err != nil {
			return err
		}
		if !a.output.IsTable() {
			return a.output.Message(a.Out, response.GetWorkload())
		}
		if all && len(grants.GetGrants()) == 0 {
			fmt.Fprintln(a.Err, "it has no grants")
		}
		for i, g := range grants.GetGrants() {
			if all || slices.Contains(request.GetIndices(), uint32(i)) { //nolint:gosec // few grants
				fmt.Fprintf(a.Out, "%s revoked\n", render.Grant(g.GetGrant()))
			}
		}
		return nil
	})
	return cmd
}

// findGrants returns the indices of grants by their numbers or names. It returns all faults at once.
func findGrants(grants []*reactorv1.GrantStatus, wanted []string) (indices []uint32, err error) {
	var faults []error
	for _, name := range wanted {
		switch found := matches(grants, name); len(found) {
		case 0:
			faults = append(faults, fmt.Errorf("it has no grant %q: %s", name, thereAre(grants)))
		case 1:
			if !slices.Contains(indices, found[0]) {
				indices = append(indices, found[0])
			}
		default:
			var numbers []string
			for _, i := range found {
				numbers = append(numbers, fmt.Sprint(i))
			}
			faults = append(faults, fmt.Errorf("%q is several grants: give the number of one, %s", name, strings.Join(numbers, " or ")))
		}
	}
	return indices, errors.Join(faults...)
}

// addRevoked adds the flags that give grants, which here name those to revoke, and returns a function for what was named.
func addRevoked(f *pflag.FlagSet) (given func() []string) {
	kinds := grantKinds()
	values := make([][]string, len(kinds))
	for i, kind := range kinds {
		f.StringArrayVar(&values[i], kind.flag, nil, "revoke a `GRANT` that this flag gave (repeatable)")
		_ = f.MarkHidden(kind.flag) // the help tells of all of them at once
	}
	return func() (wanted []string) {
		for i, kind := range kinds {
			for _, value := range values[i] {
				wanted = append(wanted, kind.flag+":"+value)
			}
		}
		return wanted
	}
}

// joinKinds joins a kind and a value that were given as two words, such as listen 127.0.0.1:80.
func joinKinds(words []string) (wanted []string) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		if i+1 < len(words) && slices.ContainsFunc(grantKinds(), func(k grantKind) bool { return k.flag == word }) {
			i++
			word += ":" + words[i]
		}
		wanted = append(wanted, word)
	}
	return wanted
}

// matches returns the indices of the grants that a name means.
func matches(grants []*reactorv1.GrantStatus, name string) (found []uint32) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		if int(n) < len(grants) {
			found = append(found, uint32(n)) //nolint:gosec // 31 bits
		}
		return found
	}
	name = spelling(name)
	for i, g := range grants {
		if render.Grant(g.GetGrant()) == name {
			return []uint32{uint32(i)} //nolint:gosec // few grants
		}
		names := append(render.GrantNames(g.GetGrant()), render.Grant(g.GetGrant()))
		if slices.ContainsFunc(names, func(full string) bool {
			_, value, _ := strings.Cut(full, ":")
			return name == full || name == value && name != ""
		}) {
			found = append(found, uint32(i)) //nolint:gosec // few grants
		}
	}
	return found
}

// spelling returns the name of a grant as it is shown, KIND:VALUE. The kind may have been given as a flag, and the value
// as submit takes it.
func spelling(name string) string {
	name = strings.TrimPrefix(name, "--")
	for _, kind := range grantKinds() {
		rest, ok := strings.CutPrefix(name, kind.flag)
		if !ok || rest == "" || !strings.ContainsRune(":= ", rune(rest[0])) {
			continue
		}
		value := strings.TrimSpace(rest[1:])
		if grant, err := kind.parse(value); err == nil {
			return render.Grant(grant)
		}
		return kind.flag + ":" + value
	}
	return name
}

func thereAre(grants []*reactorv1.GrantStatus) string {
	if len(grants) == 0 {
		return "it has none at all"
	}
	const most = 5
	var names []string
	for _, g := range grants[:min(len(grants), most)] {
		names = append(names, render.Grant(g.GetGrant()))
	}
	if len(grants) > most {
		names = append(names, fmt.Sprintf("and %d more", len(grants)-most))
	}
	return "there is " + strings.Join(names, ", ")
}

// completeRevoke completes an id, and then the grants of that workload.
func (a *app) completeRevoke(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeIDs(unfinishedStates...)(cmd, args, word)
	}
	var names []string
	a.ask(cmd, func(ctx context.Context) {
		grants, err := a.workloads().GetGrants(ctx, &reactorv1.GetGrantsRequest{Id: args[0]})
		if err != nil {
			return
		}
		for _, g := range grants.GetGrants() {
			name := render.Grant(g.GetGrant())
			if strings.HasPrefix(name, word) && !slices.Contains(args, name) && g.GetRevokeTime() == nil {
				names = append(names, name)
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
