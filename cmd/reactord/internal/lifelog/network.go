package lifelog

import (
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/hooks"
)

func failureFields(f *hooks.NetworkFailure) (fields []zap.Field) {
	if f.Target == "" {
		fields = append(fields, zap.String("target", "many others"))
	} else {
		fields = append(fields, zap.String("kind", f.Kind), zap.String("target", f.Target))
	}
	return append(fields, zap.String("message", f.Message), zap.Uint64("times", f.Times))
}
