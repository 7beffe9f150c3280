package policy

import "errors"

// What is not allowed, told by what the operator can change.
var (
	ErrDir     = errors.New("the operator does not allow it: --allow-dir has to name it, or a folder that contains it")
	ErrListen  = errors.New("the operator does not allow it: --allow-listen has to cover it")
	ErrConnect = errors.New("the operator does not allow it: --allow-connect has to cover it")
)
