package demo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reactord/reactord/component/compose"
	"github.com/reactord/reactord/examples"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// guest is what sleeps in a demo.
type guest struct {
	count   int // of sleepers, unless the user wants others
	binary  []byte
	sleeper func(rounds int, pause time.Duration) *reactorv1.WorkloadSpec
	// crowd has one instance make many calls of the guest, which wait in one other instance; nil: it is not asked to.
	crowd func() ([]byte, error)
}

// DefaultGuest is the guest that runs unless another one is asked for.
const DefaultGuest = "preview1"

// guests are the guests by their names.
var guests = map[string]guest{
	DefaultGuest: {count: 10_000, binary: examples.Sleeper, sleeper: programSleeper},
	"component":  {count: 100_000, binary: examples.SleeperComponent, sleeper: componentSleeper, crowd: crowdComponent},
}

// GuestNames are the names of the guests.
func GuestNames() []string { return slices.Sorted(maps.Keys(guests)) }

// DefaultCount is how many sleepers run of a guest, if there is such a guest.
func DefaultCount(name string) int { return guests[name].count }

// programSleeper returns the spec of a sleeper that is a program.
func programSleeper(rounds int, pause time.Duration) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{
		Module: sleeperTag,
		Name:   "sleeper",
		Args:   []string{strconv.Itoa(rounds), strconv.FormatInt(pause.Milliseconds(), 10)},
	}
}

// componentSleeper returns the spec of a sleeper that is a call of a component.
func componentSleeper(rounds int, pause time.Duration) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{
		Module: sleeperTag,
		Name:   "sleeper",
		Call:   &reactorv1.FunctionCall{Export: "example:sleeper/sleeping#sleep", Args: wholes(rounds, int(pause.Milliseconds()))},
	}
}

// crowdComponent returns the component that makes many calls.
func crowdComponent() ([]byte, error) {
	socket := compose.Part{Name: "crowd", Binary: examples.CrowdComponent}
	plugs := []compose.Plug{{Part: compose.Part{Name: "sleeper", Binary: examples.SleeperComponent}}}
	return compose.Join(socket, plugs, compose.Options{})
}

// wholes are numbers as arguments.
func wholes(numbers ...int) (values []*reactorv1.Value) {
	for _, n := range numbers {
		values = append(values, &reactorv1.Value{Kind: &reactorv1.Value_Int{Int: int64(n)}})
	}
	return values
}

// guestOf returns the guest with a name.
func guestOf(name string) (guest, error) {
	g, ok := guests[name]
	if !ok {
		return g, fmt.Errorf("--guest: %q is none of %s", name, strings.Join(GuestNames(), ", "))
	}
	return g, nil
}
