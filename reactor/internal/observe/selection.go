package observe

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// maxExamined bounds the records that are read for one page of the operations of selected workloads.
const maxExamined = 4096

// selection has the operations of the workloads that the store lists. It is pure but for its functions.
type selection struct {
	list  func(store.Query) (store.Page, error)
	opsOf func(id string) []api.Op // that a workload waits for now
}

// page returns at most size operations, and the token to go on by.
func (s selection) page(token string, size int) (ops []api.Op, next string, err error) {
	at, err := parsePlace(token)
	if err != nil {
		return nil, "", err
	}
	query := store.Query{Token: at.token, Limit: size}
	for examined := 0; ; {
		found, err := s.list(query)
		if err != nil {
			return nil, "", refusal.OfStore(err)
		}
		examined += len(found.Workloads) + len(found.Corrupt)
		if len(found.Workloads) > 0 && found.Workloads[0].ID != at.id {
			at.skip = 0 // the workload of which some were on the last page has ended
		}
		room := size - len(ops)
		more, fit := s.first(found.Workloads, at.skip, room)
		switch {
		case fit == len(found.Workloads):
			ops = append(ops, more...)
		case fit > 0:
			query.Limit = fit // list those alone, to know the token after them
			continue
		default:
			return append(ops, more[:room]...), place{at.skip + room, found.Workloads[0].ID, query.Token}.String(), nil
		}
		if found.Next == "" {
			return ops, "", nil
		}
		at = place{token: found.Next}
		query.Token, query.Limit = at.token, size-len(ops)
		if query.Limit == 0 || examined >= maxExamined {
			return ops, at.String(), nil
		}
	}
}

// first returns the operations of the first workloads, as many of these as have no more than room operations together, and
// how many they are; of the very first it leaves out skip operations. If that alone has too many, it returns them all.
func (s selection) first(workloads []*store.Workload, skip, room int) (ops []api.Op, fit int) {
	for i, w := range workloads {
		list := s.opsOf(w.ID)
		if i == 0 {
			list = list[min(skip, len(list)):]
		}
		switch {
		case len(ops)+len(list) <= room:
			ops = append(ops, list...)
		case i == 0:
			return list, 0
		default:
			return ops, i
		}
	}
	return ops, len(workloads)
}

// place is where a page begins: at the workload that the store lists first from the token on; if that has the id, after so
// many of its operations.
type place struct {
	skip      int
	id, token string
}

func (p place) String() string { return fmt.Sprintf("%d/%s/%s", p.skip, p.id, p.token) }

// parsePlace reads what String has made, and nothing as the beginning.
func parsePlace(text string) (place, error) {
	rest, skip, err := parseOpsToken(text)
	if err != nil || text == "" {
		return place{}, err
	}
	id, token, ok := strings.Cut(rest, "/")
	if !ok {
		return place{}, refusal.OfStore(store.ErrBadToken)
	}
	return place{skip, id, token}, nil
}
