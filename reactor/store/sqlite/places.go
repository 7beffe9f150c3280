package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/reactord/reactord/reactor/store"
)

// placeRow has the columns of a place.
type placeRow struct {
	life
	store.Place
	corrupt error
}

// ClaimPlaces implements store.Workloads. It reads a range of rows with one query, and only the lengths of their
// specs and labels, so each workload takes some microseconds.
func (s *Store) ClaimPlaces(ctx context.Context, limit int) (store.ClaimedPlaces, error) {
	s.claims.mu.Lock()
	defer s.claims.mu.Unlock()
	for {
		o := &claimPlacesOp{call: newCall()}
		err := s.read(ctx, s.lanes.lists, func(c *conn) error {
			m, err := loadMarks(c)
			if err == nil {
				o.revision = m.revision
				o.rows, err = places(c, s.claims.claimed, s.claims.last, limit)
			}
			return err
		})
		if damaged(err) { // one damaged page among many: read record by record, the others are readable
			return s.claimRecords(ctx, limit)
		}
		if err != nil || len(o.rows) == 0 {
			return store.ClaimedPlaces{}, err
		}
		switch err := s.do(ctx, o); {
		case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrUnavailable):
			o.claimed = s.claimPlacesLater(o.rows)
		case err != nil:
			return store.ClaimedPlaces{}, err
		}
		s.claims.claimed = o.rows[len(o.rows)-1].seq
		if len(o.claimed.Places)+len(o.claimed.Corrupt) > 0 {
			return o.claimed, nil
		}
	}
}

// claimRecords claims places by reading their records.
func (s *Store) claimRecords(ctx context.Context, limit int) (store.ClaimedPlaces, error) {
	claimed, err := s.claim(ctx, limit)
	if err != nil {
		return store.ClaimedPlaces{}, err
	}
	return claimed.Places(), nil
}

// places reads the places of unfinished workloads, in order.
func places(c *conn, above, last int64, limit int) (rows []placeRow, err error) {
	tenant := "" // of the previous row: usually the same
	err = c.each(`SELECT w.seq, w.state, w.attempts, w.updated, w.revision, w.status, w.state_sum,
			w.id, w.tenant, w.module, length(w.name), length(w.labels), ifnull(length(s.spec), -1)
		FROM (`+unfinishedQuery+`) u CROSS JOIN workloads w ON w.seq = u.seq LEFT JOIN specs s ON s.seq = u.seq`,
		[]any{above, last, limit}, func(r *sql.Rows) error {
			var p placeRow
			var module sql.RawBytes
			if err := r.Scan(append(p.fields(), &p.ID, &p.Tenant, &module, &p.NameBytes, &p.LabelBytes, &p.SpecBytes)...); err != nil {
				return err
			}
			if p.Tenant == tenant {
				p.Tenant = tenant
			}
			tenant = p.Tenant
			copy(p.Module[:], module)
			switch {
			case p.sumState() != p.stateSum:
				p.corrupt = errSum
			case p.SpecBytes < 0:
				p.corrupt = errNoSpec
			}
			p.Attempts, p.Interrupted = uint32(p.attempts), store.State(p.state) == store.Running
			p.Status = orNil(p.status)
			rows = append(rows, p)
			return nil
		})
	return rows, err
}

// claimPlacesLater is claimLater for places.
func (s *Store) claimPlacesLater(rows []placeRow) (claimed store.ClaimedPlaces) {
	for _, p := range rows {
		if p.corrupt != nil {
			claimed.Corrupt = append(claimed.Corrupt, corruptWorkload(p.ID, p.corrupt))
			continue
		}
		if p.Interrupted {
			s.putBack(&store.Workload{ID: p.ID, Attempts: p.Attempts, Updated: unstamp(p.updated), Status: p.Status})
		}
		claimed.Places = append(claimed.Places, p.Place)
	}
	return claimed
}

// claimPlacesOp is claimOp for places.
type claimPlacesOp struct {
	call
	rows     []placeRow
	revision int64 // of the last commit when the rows were read
	claimed  store.ClaimedPlaces
}

func (o *claimPlacesOp) apply(tx *tx) error {
	unchanged := tx.marks.revision == o.revision
	o.claimed = store.ClaimedPlaces{Places: make([]store.Place, 0, len(o.rows))}
	for i := range o.rows {
		p := &o.rows[i]
		if p.corrupt != nil {
			o.claimed.Corrupt = append(o.claimed.Corrupt, corruptWorkload(p.ID, p.corrupt))
			continue
		}
		if unchanged && !p.Interrupted {
			o.claimed.Places = append(o.claimed.Places, p.Place)
			continue
		}
		h, interrupted, err := tx.claim(p.ID)
		var corrupt *store.CorruptError
		switch {
		case errors.As(err, &corrupt):
			o.claimed.Corrupt = append(o.claimed.Corrupt, corrupt)
		case err != nil:
			return err
		case h != nil:
			place := p.Place
			place.Interrupted = interrupted
			o.claimed.Places = append(o.claimed.Places, place)
		}
	}
	return nil
}
