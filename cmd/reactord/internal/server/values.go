package server

import (
	"github.com/reactord/reactord/cmd/internal/values"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func toCall(p *reactorv1.FunctionCall, bad *fields) *api.FunctionCall {
	if p == nil {
		return nil
	}
	call := &api.FunctionCall{Export: p.GetExport()}
	for i, arg := range p.GetArgs() {
		l, ok := values.Literal(arg)
		if !ok {
			bad.add("has a value without a kind", "spec.call.args[%d]", i)
		}
		call.Args = append(call.Args, l)
	}
	return call
}

func fromCall(c *api.FunctionCall) *reactorv1.FunctionCall {
	if c == nil {
		return nil
	}
	return &reactorv1.FunctionCall{Export: c.Export, Args: values.Messages(c.Args)}
}
