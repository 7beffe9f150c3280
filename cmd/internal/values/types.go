package values

import (
	"github.com/reactord/reactord/component/signature"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Signatures converts the functions of a component, which its Resolve checks.
func Signatures(d *reactorv1.DescribeModuleResponse) *signature.Set {
	set := &signature.Set{Resources: d.GetResources()}
	for _, f := range d.GetFunctions() {
		function := signature.Named(f.GetExport())
		function.Async, function.Params, function.Result = f.GetAsync(), fields(f.GetParams()), index(f.Result)
		set.Functions = append(set.Functions, function)
	}
	for _, t := range d.GetTypes() {
		typ := signature.Type{
			Kind: t.GetKind(), Fields: fields(t.GetFields()), Labels: t.GetLabels(), Elem: index(t.Element), Key: index(t.Key),
			Resource: index(t.Resource), Length: t.Length,
		}
		for _, c := range t.GetCases() {
			typ.Cases = append(typ.Cases, signature.Case{Name: c.GetName(), Type: index(c.Type)})
		}
		set.Types = append(set.Types, typ)
	}
	return set
}

func fields(params []*reactorv1.ParamType) []signature.Field {
	var out []signature.Field
	for _, p := range params {
		out = append(out, signature.Field{Name: p.GetName(), Type: int(p.GetType())})
	}
	return out
}

func index(n *uint32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}
