package meter

import (
	"iter"
	"math"
	"slices"
)

// summary describes a defined function for the call graph.
type summary struct {
	cost     int64    // of all its instructions, each once
	frame    int64    // upper bound of its stack frame in bytes
	callees  []uint32 // defined functions that it calls directly, once per call
	indirect []uint32 // keys of types that it calls indirectly, once per call; or outside
}

// outside is the key of all functions of other modules, which may call back every function whose address is taken.
const outside = math.MaxUint32

// graph is the call graph of a module. Its nodes are the defined functions followed by one node for each type
// that is called indirectly, with edges to every function of that type whose address is taken. If others' functions are
// called, there is one more such node for them all.
type graph struct {
	functions []summary
	types     map[uint32]int // node of a type, by key
	targets   [][]uint32     // successors of the type nodes
}

func (g *graph) size() int { return len(g.functions) + len(g.targets) }

// successor returns the i-th successor of a node.
func (g *graph) successor(node, i int) (succ int, ok bool) {
	if node >= len(g.functions) {
		if t := g.targets[node-len(g.functions)]; i < len(t) {
			return int(t[i]), true
		}
		return 0, false
	}
	f := &g.functions[node]
	if i < len(f.callees) {
		return int(f.callees[i]), true
	}
	if i -= len(f.callees); i < len(f.indirect) {
		return g.types[f.indirect[i]], true
	}
	return 0, false
}

// newGraph makes the call graph of summarized functions. taken says whose address is taken, and typeOf returns
// a function's type key. If foreign is set, indirect calls may reach functions of other modules.
func newGraph(functions []summary, taken []bool, typeOf func(f int) uint32, foreign bool) *graph {
	g := &graph{functions: functions, types: map[uint32]int{}}
	for i := range functions {
		for _, t := range functions[i].indirect {
			g.node(t)
		}
	}
	others := len(g.targets)
	if foreign && others > 0 {
		node := uint32(g.node(outside))
		for i := range g.targets[:others] {
			g.targets[i] = append(g.targets[i], node)
		}
	}
	back, calledBack := g.types[outside]
	for f, yes := range taken {
		if node, ok := g.types[typeOf(f)]; yes && ok {
			g.addTarget(node, f)
		}
		if yes && calledBack {
			g.addTarget(back, f)
		}
	}
	return g
}

// node returns the node of a type, adding it if there is none.
func (g *graph) node(t uint32) int {
	node, ok := g.types[t]
	if !ok {
		node = g.size()
		g.types[t] = node
		g.targets = append(g.targets, nil)
	}
	return node
}

func (g *graph) addTarget(node, function int) {
	i := node - len(g.functions)
	g.targets[i] = append(g.targets[i], uint32(function))
}

// components finds the strongly connected components by Tarjan's algorithm. order lists the nodes, callees
// before callers, with the nodes of a component next to each other.
func (g *graph) components() (component []int32, order []int) {
	const unseen = -1
	n := g.size()
	component = slices.Repeat([]int32{unseen}, n)
	index := slices.Repeat([]int32{unseen}, n)
	low := make([]int32, n)
	order = make([]int, 0, n)
	var open []int // visited, not yet in a component
	var next, components int32
	type step struct{ node, succ int }
	var path []step

	visit := func(node int) {
		index[node], low[node] = next, next
		next++
		open = append(open, node)
		path = append(path, step{node: node})
	}
	for root := range n {
		if index[root] != unseen {
			continue
		}
		visit(root)
		for len(path) > 0 {
			top := &path[len(path)-1]
			succ, ok := g.successor(top.node, top.succ)
			top.succ++
			switch {
			case ok && index[succ] == unseen:
				visit(succ)
			case ok && component[succ] == unseen:
				low[top.node] = min(low[top.node], index[succ])
			case ok:
			default:
				node := top.node
				path = path[:len(path)-1]
				if len(path) > 0 {
					caller := path[len(path)-1].node
					low[caller] = min(low[caller], low[node])
				}
				if low[node] != index[node] {
					continue
				}
				at := len(open) - 1
				for open[at] != node {
					at--
				}
				for _, member := range open[at:] {
					component[member] = components
				}
				order = append(order, open[at:]...)
				open = open[:at]
				components++
			}
		}
	}
	return component, order
}

// feedback returns a feedback vertex set of direct calls: every cycle of direct calls contains one of these
// functions. They are the targets of back edges in a depth-first walk.
func (g *graph) feedback() []bool {
	const (
		fresh = iota
		active
		done
	)
	state := make([]byte, len(g.functions))
	cut := make([]bool, len(g.functions))
	type step struct{ node, succ int }
	var path []step
	for root := range g.functions {
		if state[root] != fresh {
			continue
		}
		state[root] = active
		path = append(path, step{node: root})
		for len(path) > 0 {
			top := &path[len(path)-1]
			callees := g.functions[top.node].callees
			if top.succ == len(callees) {
				state[top.node] = done
				path = path[:len(path)-1]
				continue
			}
			succ := int(callees[top.succ])
			top.succ++
			switch state[succ] {
			case fresh:
				state[succ] = active
				path = append(path, step{node: succ})
			case active:
				cut[succ] = true
			}
		}
	}
	return cut
}

// plan decides where functions check the fuel and which functions count their frames.
type plan struct {
	component  []int32
	order      []int          // nodes, callees before callers, those of a component together
	types      map[uint32]int // node of a type that is called indirectly
	entryCheck []bool         // by function: it checks the fuel at entry
	cyclic     []bool         // by node: it is in a cycle
	charged    []bool         // by function: it counts its frame
	unchecked  []int64        // by node: the most fuel that one call burns between checks
}

// maxUncounted bounds the bytes of a chain of uncounted frames. The rest of the red zone is for the host
// functions and helpers that metered code calls.
const maxUncounted = RedZone - 512

// newPlan decides where the fuel is checked. Each cycle of calls contains a check, at the entry of a function or
// before an indirect call. Functions outside cycles need none: their caller knows how much they burn at most.
func newPlan(g *graph) *plan {
	component, order := g.components()
	p := &plan{
		component:  component,
		order:      order,
		types:      g.types,
		entryCheck: g.feedback(),
		cyclic:     g.cyclic(component),
		unchecked:  make([]int64, g.size()),
	}
	p.eachComponent(func(members []int) {
		for _, node := range members {
			burn, most := int64(0), int64(0)
			for succ := range p.outside(g, node) {
				burn = min(burn+p.unchecked[succ], maxUnchecked)
				most = max(most, p.unchecked[succ])
			}
			if node < len(g.functions) {
				most = min(burn+g.functions[node].cost, maxUnchecked)
			}
			p.unchecked[node] = most
		}
	})
	return p
}

// chargeStack decides which functions count their frames, which must be in the graph. Functions in cycles do.
// Another function does if its frame and the uncounted frames of a call chain below it would exceed the red
// zone. So does each that calls functions of other modules, so that the red zone is used once.
func (p *plan) chargeStack(g *graph) {
	p.charged = make([]bool, len(g.functions))
	red := make([]int64, g.size()) // bytes of uncounted frames from a node down
	others, some := p.types[outside]
	p.eachComponent(func(members []int) {
		var below int64
		if some && p.component[members[0]] == p.component[others] {
			below = maxUncounted
		}
		for _, node := range members {
			for succ := range p.outside(g, node) {
				below = max(below, red[succ])
			}
		}
		for _, node := range members {
			red[node] = below
			if node >= len(g.functions) {
				continue
			}
			frame := g.functions[node].frame
			if p.charged[node] = p.cyclic[node] || below+frame > maxUncounted; !p.charged[node] {
				red[node] = below + frame
			}
		}
	})
}

// eachComponent visits the components of the graph, callees before callers.
func (p *plan) eachComponent(visit func(members []int)) {
	for order := p.order; len(order) > 0; {
		members := 1
		for members < len(order) && p.component[order[members]] == p.component[order[0]] {
			members++
		}
		visit(order[:members])
		order = order[members:]
	}
}

// outside yields the successors of a node that are in other components.
func (p *plan) outside(g *graph, node int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			succ, ok := g.successor(node, i)
			if !ok || p.component[succ] != p.component[node] && !yield(succ) {
				return
			}
		}
	}
}

// cyclic reports for each node whether it is in a cycle.
func (g *graph) cyclic(component []int32) []bool {
	size := make([]int, g.size())
	for _, c := range component {
		size[c]++
	}
	cyclic := make([]bool, g.size())
	for node := range cyclic {
		cyclic[node] = size[component[node]] > 1
		for i := 0; !cyclic[node]; i++ {
			succ, ok := g.successor(node, i)
			if !ok {
				break
			}
			cyclic[node] = succ == node
		}
	}
	return cyclic
}
