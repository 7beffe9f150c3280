package quantity

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Integer is a type that a flag can set.
type Integer interface {
	~int | ~int64 | ~uint32 | ~uint64
}

// maxOf returns the largest T that is an int64 too.
func maxOf[T Integer]() uint64 {
	if T(1<<32-1)+1 == 0 {
		return 1<<32 - 1
	}
	return Max
}

// sizeFlag is a flag whose value is a size. It implements pflag.Value.
type sizeFlag[T Integer] struct {
	p     *T
	least uint64
}

// SizeFlag returns a flag that sets *p to a size that is at least least. The help shows no default if *p is zero.
func SizeFlag[T Integer](p *T, least uint64) pflag.Value { return &sizeFlag[T]{p, least} }

func (f *sizeFlag[T]) Set(s string) error {
	n, err := ParseSize(s)
	switch {
	case err != nil:
		return err
	case n > maxOf[T]():
		return fmt.Errorf("%s is too large: at most %s", s, FormatSize(maxOf[T]()))
	case n < f.least:
		return fmt.Errorf("%s is too small: at least %s", s, FormatSize(f.least))
	}
	*f.p = T(n)
	return nil
}

func (f *sizeFlag[T]) String() string {
	if f.p == nil || *f.p == 0 {
		return ""
	}
	return FormatSize(uint64(*f.p))
}

func (f *sizeFlag[T]) Type() string { return "SIZE" }

// countFlag is a flag whose value is a count. It implements pflag.Value.
type countFlag[T Integer] struct {
	p     *T
	least uint64
}

// CountFlag returns a flag that sets *p to a count that is at least least.
func CountFlag[T Integer](p *T, least uint64) pflag.Value { return &countFlag[T]{p, least} }

func (f *countFlag[T]) Set(s string) error {
	n, err := ParseCount(s)
	digits, negative := strings.CutPrefix(strings.TrimSpace(s), "-")
	switch {
	case negative && number(digits) != nil:
		return fmt.Errorf("%s is too small: at least %d", s, f.least)
	case err != nil:
		return err
	case n > maxOf[T]():
		return fmt.Errorf("%s is too large: at most %d", s, maxOf[T]())
	case n < f.least:
		return fmt.Errorf("%s is too small: at least %d", s, f.least)
	}
	*f.p = T(n)
	return nil
}

func (f *countFlag[T]) String() string {
	if f.p == nil {
		return ""
	}
	return strconv.FormatUint(uint64(*f.p), 10)
}

func (f *countFlag[T]) Type() string { return "N" }
