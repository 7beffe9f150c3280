package server

import (
	"github.com/reactord/reactord/component/signature"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func fromDescription(d *api.ModuleDescription) *reactorv1.DescribeModuleResponse {
	resp := &reactorv1.DescribeModuleResponse{Module: fromModule(d.Module), Wit: d.WIT}
	if d.Signatures == nil {
		return resp
	}
	resp.Resources = d.Signatures.Resources
	for i := range d.Signatures.Functions {
		f := &d.Signatures.Functions[i]
		resp.Functions = append(resp.Functions, &reactorv1.FunctionType{
			Export: f.FullName(), Async: f.Async, Params: fromTypeFields(f.Params), Result: fromIndex(f.Result),
			Callable: d.Callable[i],
		})
	}
	for i := range d.Signatures.Types {
		t := &d.Signatures.Types[i]
		typ := &reactorv1.ValueType{
			Kind: t.Kind, Fields: fromTypeFields(t.Fields), Labels: t.Labels, Element: fromIndex(t.Elem), Key: fromIndex(t.Key),
			Resource: fromIndex(t.Resource), Length: t.Length,
		}
		for _, c := range t.Cases {
			typ.Cases = append(typ.Cases, &reactorv1.CaseType{Name: c.Name, Type: fromIndex(c.Type)})
		}
		resp.Types = append(resp.Types, typ)
	}
	return resp
}

func fromTypeFields(fields []signature.Field) []*reactorv1.ParamType {
	var out []*reactorv1.ParamType
	for _, f := range fields {
		out = append(out, &reactorv1.ParamType{Name: f.Name, Type: uint32(f.Type)})
	}
	return out
}

// fromIndex converts the index of a type, which is far below 2^32; nil stays nil.
func fromIndex(n *int) *uint32 {
	if n == nil {
		return nil
	}
	index := uint32(*n)
	return &index
}
