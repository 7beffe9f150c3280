package reactor

import (
	"fmt"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// pageSize is how many entries a page has at most.
func pageSize(p api.Page) (int, error) {
	if p.Size < 0 {
		return 0, errs.Invalid(errs.Field{Path: "page_size", Description: fmt.Sprintf("%d is negative", p.Size)})
	}
	if p.Size == 0 {
		return defaultPage, nil
	}
	return min(p.Size, maxPage), nil
}
