package top

import (
	"cmp"
	"slices"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// order is an order of the busiest workloads.
type order int

const (
	byShare order = iota
	byMemory
	byTime
	byID
)

// ordersByKey has the keys of htop.
var ordersByKey = map[string]order{"P": byShare, "M": byMemory, "T": byTime, "N": byID}

// sortWorkloads sorts workloads. Those that are equal stay as they are.
func sortWorkloads(workloads []*reactorv1.Workload, by order, reversed bool) {
	slices.SortStableFunc(workloads, func(a, b *reactorv1.Workload) int {
		ua, ub := a.GetStatus().GetUsage(), b.GetStatus().GetUsage()
		n := 0
		switch by {
		case byShare:
			n = cmp.Compare(ub.GetCpuShare(), ua.GetCpuShare())
		case byMemory:
			n = cmp.Compare(ub.GetPeakMemoryBytes(), ua.GetPeakMemoryBytes())
		case byTime:
			n = cmp.Compare(ub.GetCpuTime().AsDuration(), ua.GetCpuTime().AsDuration())
		case byID:
			n = cmp.Compare(a.GetId(), b.GetId())
		}
		if reversed {
			return -n
		}
		return n
	})
}
