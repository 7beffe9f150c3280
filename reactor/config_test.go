package reactor

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every quantity of a Config has a default in this package, so that none is left to a package below.
func TestDefaultsAreComplete(t *testing.T) {
	without := []string{
		"DefaultLimits.Fuel", "DefaultLimits.Timeout", "MaxLimits.Fuel", "MaxLimits.Timeout", // zero is no bound
		"DefaultLimits.SentBytes", "DefaultLimits.ReceivedBytes", "DefaultLimits.BytesPerSecond", // nor here
		"MaxLimits.SentBytes", "MaxLimits.ReceivedBytes", "MaxLimits.BytesPerSecond",
		"StoreBytes", // follows from the disk
	}
	var look func(path string, v reflect.Value)
	look = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			name, field := path+v.Type().Field(i).Name, v.Field(i)
			switch field.Kind() {
			case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64:
				if field.IsZero() != slices.Contains(without, name) {
					t.Errorf("%s is %v by default", name, field)
				}
			case reflect.Struct:
				look(name+".", field)
			default:
			}
		}
	}
	look("", reflect.ValueOf(Defaults()))
}

// The comment of each field of Config has the field's default, unless that follows from the machine.
func TestCommentsHaveDefaults(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ofMachine := []string{
		"Workers", "Compilers", "Starting", "CompileMemoryBytes", "ModuleMemoryBytes", "MemoryBytes", "MaxPendingBytes", "StoreBytes",
	}
	defaults := reflect.ValueOf(Defaults())
	config := file.Scope.Lookup("Config").Decl.(*ast.TypeSpec).Type.(*ast.StructType)
	checked := 0
	for _, field := range config.Fields.List {
		name := field.Names[0].Name
		value := defaults.FieldByName(name)
		if !value.CanInt() || slices.Contains(ofMachine, name) {
			continue
		}
		checked++
		comment := strings.NewReplacer(",", "", "\n", " ").Replace(field.Doc.Text())
		if want := inWords(value.Interface()); !slices.ContainsFunc(want, func(s string) bool { return strings.Contains(comment, " "+s) }) {
			t.Errorf("the default of %s is %s, and its comment does not say so: %s", name, want[0], comment)
		}
	}
	if checked < 20 {
		t.Errorf("only %d fields were looked at", checked)
	}
}

// inWords is a quantity as a comment may have it.
func inWords(value any) []string {
	if d, ok := value.(time.Duration); ok {
		return []string{fmt.Sprintf("%g h", d.Hours()), fmt.Sprintf("%g s", d.Seconds())}
	}
	n := reflect.ValueOf(value).Int()
	words := []string{fmt.Sprint(n)}
	for unit, size := range map[string]int64{"KiB": kib, "MiB": mib, "GiB": gib} {
		if n%size == 0 {
			words = append(words, fmt.Sprintf("%d %s", n/size, unit))
		}
	}
	return words
}

func TestCompilersFollowWorkers(t *testing.T) {
	for workers, want := range map[int]int{1: 1, 2: 1, 7: 3, 64: 32} {
		if got := (Config{Workers: workers}).withDefaults().Compilers; got != want {
			t.Errorf("%d workers have %d compilers, want %d", workers, got, want)
		}
	}
	if got := (Config{Workers: 8, Compilers: 1}).withDefaults().Compilers; got != 1 {
		t.Errorf("1 compiler was asked for, and there are %d", got)
	}
}
