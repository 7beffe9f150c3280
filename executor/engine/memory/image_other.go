//go:build !linux

package memory

import "errors"

// imageFile exists on Linux only. Elsewhere segments are copied.
type imageFile struct{ content []byte }

func (*imageFile) create(int64, func([]byte)) error { return errors.ErrUnsupported }
func (*imageFile) close() error                     { return nil }

func (*Image) lay(*byte) error  { return errors.ErrUnsupported }
func (*Image) lift(*byte) error { return errors.ErrUnsupported }

func mostMappings() int64 { return 0 }
