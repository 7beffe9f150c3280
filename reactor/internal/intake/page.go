package intake

import (
	"fmt"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

// MaxPage is the largest size of a page, and defaultPage the size if none is asked for.
const (
	MaxPage     = 1000
	defaultPage = 100
)

// PageSize returns the size of a page.
func PageSize(p api.Page) (int, error) {
	if p.Size < 0 {
		return 0, errs.Invalid(errs.Field{Path: "page_size", Description: fmt.Sprintf("%d is negative", p.Size)})
	}
	if p.Size == 0 {
		return defaultPage, nil
	}
	return min(p.Size, MaxPage), nil
}
