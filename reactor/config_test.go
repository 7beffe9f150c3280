package reactor

import (
	"reflect"
	"slices"
	"testing"
)

// Every quantity of a Config has a default in this package, so that none is left to a package below.
func TestDefaultsAreComplete(t *testing.T) {
	without := []string{
		"DefaultLimits.Fuel", "DefaultLimits.Timeout", "MaxLimits.Fuel", "MaxLimits.Timeout", // zero is no bound
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
