package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// filterFlags select workloads.
type filterFlags struct {
	states     []string
	selector   string
	module     string
	since      timeFlag
	endedSince timeFlag
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "only these states: pending, running, waiting, succeeded, failed, cancelled")
	flags.StringVarP(&f.selector, "label", "l", "", "only workloads with these labels, such as app=web,tier!=test or 'app in (web, api)'")
	flags.StringVar(&f.module, "module", "", "only workloads of this module (digest or tag)")
	flags.Var(&f.since, "since", "only workloads submitted since then: 90s, 2h30m or 7d ago, or a time such as 2026-01-02T15:04:05Z")
	flags.Var(&f.endedSince, "ended-since", "only workloads that ended since then")
}

func (f *filterFlags) filter(cmd *cobra.Command) (*reactorv1.WorkloadFilter, error) {
	filter := &reactorv1.WorkloadFilter{
		LabelSelector: f.selector, Module: f.module,
		CreatedAfter: f.since.timestamp(), EndedAfter: f.endedSince.timestamp(),
	}
	for _, name := range f.states {
		state, ok := reactorv1.WorkloadState_value["WORKLOAD_STATE_"+strings.ToUpper(name)]
		if !ok || state == 0 {
			return nil, usageError(cmd, "--state %q: give pending, running, waiting, succeeded, failed or cancelled", name)
		}
		filter.States = append(filter.States, reactorv1.WorkloadState(state))
	}
	return filter, nil
}

// timeFlag is a flag whose value is a time: how long ago, or when. It implements pflag.Value.
type timeFlag struct {
	text string
	time time.Time
}

func (f *timeFlag) Set(text string) error {
	when, err := parseTime(text, time.Now())
	if err == nil {
		*f = timeFlag{text, when}
	}
	return err
}

func (f *timeFlag) String() string { return f.text }

// Type is the name of the flag's value in the help.
func (f *timeFlag) Type() string { return "time" }

func (f *timeFlag) timestamp() *timestamppb.Timestamp {
	if f.time.IsZero() {
		return nil
	}
	return timestamppb.New(f.time)
}

// parseTime reads how long before now a time was, or the time itself: a date alone is its beginning here.
func parseTime(text string, now time.Time) (time.Time, error) {
	const day = 24 * time.Hour
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		more, durationErr := time.ParseDuration(rest)
		if err == nil && (rest == "" || durationErr == nil && more >= 0) {
			return now.Add(-time.Duration(n)*day - more), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if when, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return when, nil
		}
	}
	return time.Time{}, fmt.Errorf("give how long ago, such as 90s, 2h30m or 7d, or a time such as 2026-01-02T15:04:05Z")
}
