package cli

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// completionTime is how long a completion may ask the daemon: somebody waits at a prompt.
	completionTime = time.Second
	// completionPage is how many workloads and modules are looked at, the newest ones.
	completionPage = 200
)

// completer proposes what a word may be completed to. What fails proposes nothing: a prompt is no place for errors.
type completer = cobra.CompletionFunc

// addCompletions adds completions to the commands below root, by their names and by those of their flags.
func (a *app) addCompletions(root *cobra.Command) {
	arguments := map[string]completer{
		"status": a.first(a.completeIDs()), "logs": a.completeIDs(), "ops": a.first(a.completeIDs(unfinishedStates...)),
		"attach": a.first(a.completeIDs(unfinishedStates...)), "cancel": a.completeIDs(unfinishedStates...), "wait": a.completeIDs(),
		"rm": a.completeIDs(endedStates...), "workload rm": a.completeIDs(endedStates...),
		"grants": a.first(a.completeIDs()), "revoke": a.completeRevoke,
		"run": a.first(a.completeModuleOrFile), "submit": a.first(a.completeModuleOrFile), "dev": a.first(a.completeModuleOrFile), "serve": a.first(a.completeModuleOrFile), "call": a.completeCall,
		"module push": a.first(a.completeModuleOrFile), "module snapshot": a.first(a.completeModuleOrFile), "module inspect": a.first(a.completeModuleOrFile), "module pull": a.first(a.completeModules), "module compose": a.first(a.completeModuleOrFile), "module tag": a.first(a.completeModules),
		"module rm": a.completeModules, "module untag": a.completeTags,
		"context use": a.first(completeContexts), "context rm": a.first(completeContexts), "context set": a.first(completeContexts),
	}
	flags := map[string]completer{
		"state":  cobra.FixedCompletions(stateWords(), cobra.ShellCompDirectiveNoFileComp),
		"label":  a.completeLabels,
		"invoke": a.completeExports,
		"module": a.completeModules, "context": completeContexts, "plug": a.completeModuleOrFile,
		"output": cobra.FixedCompletions([]string{"table", "wide", "json", "yaml", "name"}, cobra.ShellCompDirectiveNoFileComp),
		"order":  cobra.FixedCompletions([]string{"newest", "oldest", "busiest"}, cobra.ShellCompDirectiveNoFileComp),
		"kind":   cobra.FixedCompletions(opKindWords(), cobra.ShellCompDirectiveNoFileComp),
		"sort":   cobra.FixedCompletions([]string{"workload", "age"}, cobra.ShellCompDirectiveNoFileComp),
		"grants": cobra.FixedCompletions(grantModes, cobra.ShellCompDirectiveNoFileComp),
		"stream": cobra.FixedCompletions([]string{"stdout", "stderr"}, cobra.ShellCompDirectiveNoFileComp),
	}
	for cmd := range commands(root) {
		name := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")
		if cmd.ValidArgsFunction == nil && cmd.RunE != nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
			if complete, ok := arguments[name]; ok {
				cmd.ValidArgsFunction = complete
			}
		}
		for flag, complete := range flags {
			if cmd.Flags().Lookup(flag) != nil || cmd.PersistentFlags().Lookup(flag) != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag, complete) // it fails if the command has registered one itself
			}
		}
	}
}

// commands yields root and all commands below it.
func commands(root *cobra.Command) func(yield func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		if !yield(root) {
			return
		}
		for _, sub := range root.Commands() {
			for cmd := range commands(sub) {
				if !yield(cmd) {
					return
				}
			}
		}
	}
}

// first completes the first argument alone; what follows may be anything, such as a guest's files.
func (a *app) first(complete completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return complete(cmd, args, word)
	}
}

// stateWords are the states as --state takes them.
func stateWords() (words []string) {
	for number, name := range reactorv1.WorkloadState_name {
		if number != 0 {
			words = append(words, strings.ToLower(strings.TrimPrefix(name, "WORKLOAD_STATE_")))
		}
	}
	slices.Sort(words)
	return words
}

// completeIDs completes ids of workloads in some states, or in any.
func (a *app) completeIDs(states ...reactorv1.WorkloadState) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		for _, w := range a.newestWorkloads(cmd, states) {
			if strings.HasPrefix(w.GetId(), word) && !slices.Contains(args, w.GetId()) {
				ids = append(ids, cobra.CompletionWithDesc(w.GetId(), strings.TrimSpace(w.GetSpec().GetName()+" "+render.State(w))))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeLabels completes a key of a label, and then its value.
func (a *app) completeLabels(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	found := make(map[string]bool)
	for _, w := range a.newestWorkloads(cmd, nil) {
		for key, value := range w.GetSpec().GetLabels() {
			proposal := key + "="
			if strings.Contains(word, "=") {
				proposal += value
			}
			if strings.HasPrefix(proposal, word) {
				found[proposal] = true
			}
		}
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if !strings.Contains(word, "=") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return slices.Sorted(maps.Keys(found)), directive
}

// completeModules completes tags of modules, and digests once a word begins like one.
func (a *app) completeModules(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, m := range a.someModules(cmd) {
		for _, tag := range m.GetTags() {
			names = append(names, cobra.CompletionWithDesc(tag, m.GetName()))
		}
		if word != "" || len(m.GetTags()) == 0 {
			names = append(names, cobra.CompletionWithDesc(m.GetDigest(), m.GetName()))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, word) || slices.Contains(args, name)
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeExports completes the functions that a module exports which was named before.
func (a *app) completeExports(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.ask(cmd, func(ctx context.Context) {
		response, err := a.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: args[0]})
		if err != nil {
			return
		}
		for _, e := range response.GetModule().GetExports() {
			if strings.HasPrefix(e.GetType(), "(func") && strings.HasPrefix(e.GetName(), word) && !strings.HasPrefix(e.GetName(), "_") {
				names = append(names, cobra.CompletionWithDesc(e.GetName(), e.GetType()))
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeCall completes a module, and then a function that it exports with what it takes.
func (a *app) completeCall(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return a.completeModuleOrFile(cmd, args, word)
	case len(args) > 1 || source.IsPath(args[0]):
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var calls []string
	a.ask(cmd, func(ctx context.Context) {
		response, err := a.modules().DescribeModule(ctx, &reactorv1.DescribeModuleRequest{Module: args[0]})
		if err != nil {
			return
		}
		resolved, err := values.Signatures(response).Resolve()
		if err != nil {
			return
		}
		named := map[string]int{}
		for _, f := range response.GetFunctions() {
			named[shortName(f)]++
		}
		for i, f := range response.GetFunctions() {
			name, function := f.GetExport(), &resolved.Functions[i]
			if short := shortName(f); word != "" && named[short] == 1 && strings.HasPrefix(short, word) {
				name = short
			}
			if (function.Callable() || function.Streams()) && strings.HasPrefix(name, word) {
				calls = append(calls, cobra.CompletionWithDesc(name+"(", paramNames(f)))
			}
		}
	})
	return calls, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// shortName is a function's name without its interface.
func shortName(f *reactorv1.FunctionType) string {
	_, name, nested := strings.Cut(f.GetExport(), "#")
	if !nested {
		return f.GetExport()
	}
	return name
}

// paramNames lists what a function takes.
func paramNames(f *reactorv1.FunctionType) string {
	var names []string
	for _, p := range f.GetParams() {
		names = append(names, p.GetName())
	}
	return strings.Join(names, ", ")
}

// completeTags completes tags of modules.
func (a *app) completeTags(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	var tags []string
	for _, m := range a.someModules(cmd) {
		for _, tag := range m.GetTags() {
			if strings.HasPrefix(tag, word) && !slices.Contains(args, tag) {
				tags = append(tags, cobra.CompletionWithDesc(tag, m.GetName()))
			}
		}
	}
	return tags, cobra.ShellCompDirectiveNoFileComp
}

// completeModuleOrFile completes what MODULE may be: a path is for the shell, anything else is a module.
func (a *app) completeModuleOrFile(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, ".") || strings.HasPrefix(word, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := a.completeModules(cmd, args, word)
	return names, cobra.ShellCompDirectiveDefault
}

func completeContexts(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	s, err := loadSettings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Contexts)) {
		if strings.HasPrefix(name, word) {
			names = append(names, cobra.CompletionWithDesc(name, s.Contexts[name].Address))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// newestWorkloads returns the newest workloads in some states, or in any; none if the daemon does not answer in time.
func (a *app) newestWorkloads(cmd *cobra.Command, states []reactorv1.WorkloadState) []*reactorv1.Workload {
	var found []*reactorv1.Workload
	a.ask(cmd, func(ctx context.Context) {
		response, err := a.workloads().ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{
			Filter: &reactorv1.WorkloadFilter{States: states}, PageSize: completionPage,
		})
		if err == nil {
			found = response.GetWorkloads()
		}
	})
	return found
}

// someModules returns modules; none if the daemon does not answer in time.
func (a *app) someModules(cmd *cobra.Command) []*reactorv1.Module {
	var found []*reactorv1.Module
	a.ask(cmd, func(ctx context.Context) {
		response, err := a.modules().ListModules(ctx, &reactorv1.ListModulesRequest{PageSize: completionPage})
		if err == nil {
			found = response.GetModules()
		}
	})
	return found
}

// ask calls the daemon for a completion, for a short time.
func (a *app) ask(cmd *cobra.Command, call func(context.Context)) {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionTime)
	defer cancel()
	if a.connect(ctx) == nil {
		call(ctx)
	}
}
