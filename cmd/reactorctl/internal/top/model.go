package top

import (
	"unicode/utf8"

	"github.com/reactord/reactord/cmd/internal/printable"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// list is one of the lists of the screen.
type list int

const (
	waits list = iota
	busiest
	oldest
	lists // how many there are
)

// Model is what `top` shows, and how.
type Model struct {
	address  string
	onFilter func()

	reading *Reading // nil: nothing has been read yet
	rates   rates
	outage  string // what there is to say while the daemon is gone
	trouble string // what is wrong with the filter

	filter Filter
	typing bool
	typed  string
	help   bool

	order    order
	reversed bool
	focus    list
	scroll   [lists]int // rows above the first one that is shown
	drawn    [lists]int // rows that were shown last
}

// New returns a model of the daemon at an address. onFilter is called when another filter is to be asked with.
func New(address string, filter Filter, onFilter func()) *Model {
	return &Model{address: address, filter: filter, onFilter: onFilter, focus: busiest}
}

// OnReading takes what was read. A reading with a filter of before is dropped.
func (m *Model) OnReading(r *Reading) {
	m.outage = ""
	if r.Filter.text != m.filter.text {
		return
	}
	m.rates = between(m.reading, r)
	m.reading = r
}

// OnOutage takes what there is to say about a daemon that is gone, or is back.
func (m *Model) OnOutage(message string) { m.outage = message }

// OnRefusal takes why the daemon refuses the filter. The lists stay as they were before it.
func (m *Model) OnRefusal(message string) { m.trouble = message }

// OnKey takes a key, and returns true if it ends the screen.
func (m *Model) OnKey(key string) (end bool) {
	switch {
	case m.typing:
		m.onTyped(key)
	case m.help:
		m.help = false
	default:
		return m.onCommand(key)
	}
	return false
}

func (m *Model) onCommand(key string) (end bool) {
	switch key {
	case "q", "Q", "f10":
		return true
	case "?", "h", "f1":
		m.help = true
	case "/", "\\", "f3", "f4":
		m.typing, m.typed, m.trouble = true, m.filter.String(), ""
	case "esc":
		m.setFilter(Filter{})
	case "tab", "right":
		m.focus = (m.focus + 1) % lists
	case "shift+tab", "left":
		m.focus = (m.focus + lists - 1) % lists
	case "I":
		m.reversed = !m.reversed
	default:
		if o, ok := ordersByKey[key]; ok {
			m.order, m.reversed = o, false
			return false
		}
		m.onScroll(key)
	}
	return false
}

// onScroll moves the list that has the focus. Drawing bounds the end.
func (m *Model) onScroll(key string) {
	at, page := &m.scroll[m.focus], max(1, m.drawn[m.focus])
	switch key {
	case "up", "k":
		*at--
	case "down", "j":
		*at++
	case "pgup":
		*at -= page
	case "pgdown", "space":
		*at += page
	case "home", "g":
		*at = 0
	case "end", "G":
		*at = rowsSearched
	}
	*at = max(*at, 0)
}

// maxTyped bounds the filter that is typed, in bytes.
const maxTyped = 200

// onTyped takes a key while a filter is typed.
func (m *Model) onTyped(key string) {
	switch key {
	case "enter":
		filter, err := ParseFilter(m.typed)
		if err != nil {
			m.trouble = err.Error()
			return
		}
		m.typing = false
		m.setFilter(filter)
	case "esc":
		m.typing, m.trouble = false, ""
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(m.typed)
		m.typed = m.typed[:len(m.typed)-size]
	case "ctrl+u":
		m.typed = ""
	case "space":
		m.typed += " "
	default:
		if isText(key) && len(m.typed)+len(key) <= maxTyped {
			m.typed += key
		}
	}
}

// isText reports whether a key is a character, and not the name of a key.
func isText(key string) bool {
	return utf8.RuneCountInString(key) == 1 && printable.String(key) == key
}

func (m *Model) setFilter(f Filter) {
	m.trouble = ""
	if f.text == m.filter.text {
		return
	}
	m.filter = f
	m.scroll = [lists]int{}
	m.onFilter()
}

// rows returns the workloads and operations that the filter selects.
func (m *Model) rows() (workloads []*reactorv1.Workload, ops []*reactorv1.Op) {
	for _, w := range m.reading.Busiest {
		if m.reading.Filter.workload(w) {
			workloads = append(workloads, w)
		}
	}
	for _, op := range m.reading.Oldest {
		if m.reading.Filter.op(op) {
			ops = append(ops, op)
		}
	}
	sortWorkloads(workloads, m.order, m.reversed)
	return workloads, ops
}
