package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// describer is a daemon that tells of a component what it likes.
type describer struct {
	daemon
	told *reactorv1.DescribeModuleResponse
}

func (d *describer) DescribeModule(context.Context, *reactorv1.DescribeModuleRequest) (*reactorv1.DescribeModuleResponse, error) {
	return d.told, nil
}

// typed describes a component with one function, which takes no arguments and returns the last of the types.
func typed(types ...*reactorv1.ValueType) *reactorv1.DescribeModuleResponse {
	f := &reactorv1.FunctionType{Export: "f", Callable: true}
	if len(types) > 0 {
		f.Result = proto.Uint32(uint32(len(types) - 1))
	}
	return &reactorv1.DescribeModuleResponse{
		Module: &reactorv1.Module{Kind: reactorv1.ModuleKind_MODULE_KIND_COMPONENT}, Functions: []*reactorv1.FunctionType{f}, Types: types,
	}
}

func listValue(items ...*reactorv1.Value) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_List{List: &reactorv1.ListValue{Items: items}}}
}

func caseValue(name string, payload *reactorv1.Value) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: name, Value: payload}}}
}

func recordValue(fields map[string]*reactorv1.Value) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: fields}}}
}

// nested is a type or a value in many others.
func nested[T any](depth int, first T, wrap func(n uint32, inner T) T) (all []T) {
	all = append(all, first)
	for n := range depth {
		all = append(all, wrap(uint32(n), all[n]))
	}
	return all
}

// hostileDescription is what a broken or a hostile daemon tells of a component, and that it returns.
type hostileDescription struct {
	name   string
	told   *reactorv1.DescribeModuleResponse
	result *reactorv1.Value
}

// many is how many parts there are where there may be too many.
const many = 100_000

func hostileDescriptions() []hostileDescription {
	zero := proto.Uint32(0)
	u8, str := &reactorv1.ValueType{Kind: "u8"}, &reactorv1.ValueType{Kind: "string"}
	one := &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: 1}}
	text := &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: hostile}}
	tuple := func(n uint32, times int) *reactorv1.ValueType {
		t := &reactorv1.ValueType{Kind: "tuple"}
		for range times {
			t.Fields = append(t.Fields, &reactorv1.ParamType{Type: n})
		}
		return t
	}
	wideRecord, wideEnum := &reactorv1.ValueType{Kind: "record"}, &reactorv1.ValueType{Kind: "enum"}
	option := &reactorv1.ValueType{Kind: "option", Cases: []*reactorv1.CaseType{{Name: "none"}, {Name: "some", Type: zero}}}
	var empty, last []*reactorv1.Value
	for n := range many {
		name := fmt.Sprint("n", n)
		wideRecord.Fields = append(wideRecord.Fields, &reactorv1.ParamType{Name: name, Type: 1})
		wideEnum.Cases = append(wideEnum.Cases, &reactorv1.CaseType{Name: name})
		empty, last = append(empty, recordValue(nil)), append(last, caseValue(fmt.Sprint("n", many-1), nil))
	}
	deepTypes := func(depth int) []*reactorv1.ValueType {
		return nested(depth, u8, func(n uint32, _ *reactorv1.ValueType) *reactorv1.ValueType {
			return &reactorv1.ValueType{Kind: "list", Element: &n}
		})
	}
	deepValue := func(depth int) *reactorv1.Value {
		return nested(depth, one, func(_ uint32, inner *reactorv1.Value) *reactorv1.Value { return listValue(inner) })[depth]
	}
	all := []hostileDescription{
		{name: "nothing", told: &reactorv1.DescribeModuleResponse{}},
		{name: "no types", told: &reactorv1.DescribeModuleResponse{Functions: []*reactorv1.FunctionType{{Export: "f", Callable: true, Result: zero}}}},
		{name: "a function without a name", told: &reactorv1.DescribeModuleResponse{Functions: []*reactorv1.FunctionType{{}, {}, {Export: "#"}, {Export: "##f"}}}},
		{name: "a type of itself", told: typed(&reactorv1.ValueType{Kind: "list", Element: zero})},
		{name: "types of each other", told: typed(&reactorv1.ValueType{Kind: "list", Element: proto.Uint32(1)}, &reactorv1.ValueType{Kind: "list", Element: zero})},
		{name: "a type far away", told: typed(&reactorv1.ValueType{Kind: "list", Element: proto.Uint32(math.MaxUint32)})},
		{name: "an unknown kind", told: typed(&reactorv1.ValueType{Kind: hostile})},
		{name: "no kind", told: typed(&reactorv1.ValueType{})},
		{name: "a record of nothing", told: typed(&reactorv1.ValueType{Kind: "record"}), result: recordValue(nil)},
		{name: "an option of nothing", told: typed(&reactorv1.ValueType{Kind: "option"}), result: caseValue("some", nil)},
		{name: "a result of one case", told: typed(&reactorv1.ValueType{Kind: "result", Cases: []*reactorv1.CaseType{{}}}), result: caseValue("ok", nil)},
		{name: "a map of lists", told: typed(u8, &reactorv1.ValueType{Kind: "list", Element: zero}, &reactorv1.ValueType{Kind: "map", Key: proto.Uint32(1), Element: zero})},
		{name: "a resource that is not there", told: typed(&reactorv1.ValueType{Kind: "own", Resource: proto.Uint32(9)}), result: one},
		{name: "a stream", told: typed(&reactorv1.ValueType{Kind: "stream"}), result: one},
		{name: "a longest list", told: typed(u8, &reactorv1.ValueType{Kind: "list", Element: zero, Length: proto.Uint32(math.MaxUint32)}), result: listValue(one)},
		{name: "an expected result that is missing", told: typed(u8)},
		{name: "a result that was not expected", told: typed(), result: one},
		{name: "a result without a kind", told: typed(u8), result: &reactorv1.Value{}},
		{name: "a list of nothing", told: typed(u8, &reactorv1.ValueType{Kind: "list", Element: zero}), result: listValue(nil, &reactorv1.Value{})},
		{name: "a result of another type", told: typed(u8), result: caseValue(hostile, recordValue(map[string]*reactorv1.Value{hostile: text}))},
		{
			name: "hostile flags", told: typed(&reactorv1.ValueType{Kind: "flags", Labels: []string{hostile}}),
			result: &reactorv1.Value{Kind: &reactorv1.Value_Flags{Flags: &reactorv1.FlagsValue{Labels: []string{hostile}}}},
		},
		{name: "a hostile case", told: typed(str, &reactorv1.ValueType{Kind: "variant", Cases: []*reactorv1.CaseType{{Name: hostile, Type: zero}}}), result: caseValue(hostile, text)},
		{
			name: "a hostile field", told: typed(str, &reactorv1.ValueType{Kind: "record", Fields: []*reactorv1.ParamType{{Name: hostile, Type: 0}}}),
			result: recordValue(map[string]*reactorv1.Value{hostile: text}),
		},
		{name: "types as deep as may be", told: typed(deepTypes(99)...), result: deepValue(99)},
		{name: "types that are too deep", told: typed(deepTypes(many)...), result: deepValue(99)},
		{name: "a result that is deeper than its type", told: typed(u8), result: deepValue(1000)},
		{name: "tuples that double", told: typed(nested(40, u8, func(n uint32, _ *reactorv1.ValueType) *reactorv1.ValueType { return tuple(n, 2) })...), result: one},
		{name: "a wide record, left out often", told: typed(u8, option, wideRecord, &reactorv1.ValueType{Kind: "list", Element: proto.Uint32(2)}), result: listValue(empty...)},
		{name: "the last of many cases, often", told: typed(wideEnum, &reactorv1.ValueType{Kind: "list", Element: zero}), result: listValue(last...)},
	}
	return append(all, hostileDescription{name: "hostile names", told: &reactorv1.DescribeModuleResponse{
		Module: &reactorv1.Module{Kind: reactorv1.ModuleKind_MODULE_KIND_COMPONENT}, Wit: hostile, Resources: []string{hostile},
		Functions: []*reactorv1.FunctionType{
			{Export: "f", Callable: true}, {Export: hostile, Callable: true, Params: []*reactorv1.ParamType{{Name: hostile, Type: 0}}},
			{Export: hostile + "#" + hostile, Callable: true},
		}, Types: []*reactorv1.ValueType{u8},
	}})
}

// Whatever a daemon tells of the types of a component and of what it returned, no command crashes, hangs or prints anything but
// text.
func TestHostileTypes(t *testing.T) {
	for _, h := range hostileDescriptions() {
		t.Run(strings.ReplaceAll(h.name, " ", "-"), func(t *testing.T) {
			end := ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED, 0)
			end.Result = h.result
			d := &describer{daemon: daemon{end: end}, told: h.told}
			start(t, d)
			for _, args := range [][]string{
				{"call", "m", "f()"}, {"call", "m", "g()"}, {"call", "-o", "json", "m", "f()"}, {"call", "-o", "yaml", "m", "f(1, {:}, some([]))"},
				{"submit", "--call", "f()", "m"}, {"wait", "w"}, {"module", "inspect", "m"}, {"module", "inspect", "-o", "json", "m"},
				{"__complete", "call", "m", ""}, {"__complete", "call", "m", "f"},
			} {
				begun := time.Now()
				_, out, errs := ctl(t, "", args...)
				text := out + errs
				if i := strings.IndexFunc(text, func(r rune) bool { return !isFit(r) }); i >= 0 {
					t.Errorf("%q prints %q", args, text[i:min(len(text), i+40)])
				}
				if strings.Contains(errs, "panic") || time.Since(begun) > time.Minute {
					t.Errorf("%q took %v and told %.1000s", args, time.Since(begun), errs)
				}
				if args[0] == "__complete" && h.name == "hostile names" && strings.Count(out, "\n") > 4 {
					t.Errorf("%q proposes names that are lines of their own: %q", args, out)
				}
			}
		})
	}
}
