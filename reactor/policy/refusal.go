package policy

import "errors"

// Why a grant is not allowed, and which setting allows it.
var (
	ErrDir     = errors.New("the operator does not allow it: --allow-dir has to name it, or a folder that contains it")
	ErrListen  = errors.New("the operator does not allow it: --allow-listen has to cover it")
	ErrConnect = errors.New("the operator does not allow it: --allow-connect has to cover it")
	ErrResolve = errors.New("the operator does not allow it: --allow-resolve has to cover it")
	ErrHTTP    = errors.New("the operator does not allow it: --allow-http has to cover it")
	ErrSecret  = errors.New("the operator does not allow it: --allow-secret has to cover it")
)
