//go:build !linux

package memory

import (
	"errors"
	"iter"
)

// imageFile exists on Linux only. Elsewhere segments are copied.
type imageFile struct{ content []byte }

func (*imageFile) create(int64, iter.Seq2[int64, []byte]) error { return errors.ErrUnsupported }
func (*imageFile) close() error                                 { return nil }

func (*Image) lay(*byte) (lost bool, err error) { return false, errors.ErrUnsupported }
func (*Image) lift(*byte) error                 { return errors.ErrUnsupported }

func mostMappings() int64 { return 0 }
func mostImages() int64   { return 0 }
