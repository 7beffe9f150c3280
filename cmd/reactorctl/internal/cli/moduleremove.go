package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) moduleUntagCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "untag TAG...",
		Short: "Remove tags; their modules stay",
		Args:  operands(cobra.MinimumNArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			return each(args, func(tag string) error { return a.untag(cmd.Context(), tag) })
		}),
	}
}

// untag removes a tag and says what its module has left.
func (a *app) untag(ctx context.Context, tag string) error {
	response, err := a.modules().UntagModule(ctx, &reactorv1.UntagModuleRequest{Tag: tag})
	if err != nil {
		return err
	}
	m := response.GetModule()
	if !a.output.IsTable() {
		return a.output.Message(a.Out, m)
	}
	left := "has no other tag"
	if tags := m.GetTags(); len(tags) > 0 {
		left = "still has " + tagList(tags)
	}
	_, err = fmt.Fprintf(a.Out, "%s untagged: module %s %s\n", tag, render.ShortDigest(m.GetDigest()), left)
	return err
}

func (a *app) moduleRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "rm MODULE...",
		Aliases: []string{"delete"},
		Short:   "Remove modules, or only a tag of one that has others",
		Long: "Remove modules. Given a tag of a module that has other tags, only the tag is removed; given a digest, or the beginning\n" +
			"of one, the module is removed with all its tags. A module that unfinished workloads use is not removed.",
		Args: operands(cobra.MinimumNArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			return each(args, func(ref string) error { return a.removeModule(cmd.Context(), ref) })
		}),
	}
}

// removeModule removes the module that ref names, or only the tag ref if the module has others.
func (a *app) removeModule(ctx context.Context, ref string) error {
	response, err := a.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: ref})
	if err != nil {
		return err
	}
	m := response.GetModule()
	tags := m.GetTags()
	if slices.Contains(tags, ref) {
		if len(tags) > 1 {
			return a.untag(ctx, ref)
		}
		tags = nil // the one that was given
	}
	if _, err := a.modules().DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: m.GetDigest()}); err != nil {
		return err
	}
	if !a.output.IsTable() {
		return a.output.Message(a.Out, m)
	}
	with := ""
	if len(tags) > 0 {
		with = ", with " + tagList(tags)
	}
	_, err = fmt.Fprintf(a.Out, "%s removed%s\n", ref, with)
	return err
}

// tagList names tags: all, or the first few of many.
func tagList(tags []string) string {
	const shown = 5
	word := "tags"
	if len(tags) == 1 {
		word = "tag"
	}
	if n := len(tags) - shown; n > 0 {
		return fmt.Sprintf("the tags %s and %d more", strings.Join(tags[:shown], ", "), n)
	}
	return fmt.Sprintf("the %s %s", word, strings.Join(tags, ", "))
}

// each does something for each argument, also if the daemon refuses some. The error of one of several says which.
func each(args []string, do func(arg string) error) error {
	if len(args) == 1 {
		return do(args[0])
	}
	var failed error
	for _, arg := range args {
		switch err := do(arg); {
		case err == nil:
		case !isRefusal(err):
			return err
		default:
			failed = errors.Join(failed, fmt.Errorf("%s: %s", arg, status.Convert(err).Message()))
		}
	}
	return failed
}
