package server

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/grant"
)

// kindsOfGrants are the fields of Grant in the API, one for each kind.
func kindsOfGrants() protoreflect.FieldDescriptors {
	return (&reactorv1.Grant{}).ProtoReflect().Descriptor().Oneofs().ByName("grant").Fields()
}

// sampleGrant is a grant of a kind with every field set.
func sampleGrant(kind protoreflect.FieldDescriptor) *reactorv1.Grant {
	p := &reactorv1.Grant{}
	fillMessage(p.ProtoReflect().Mutable(kind).Message())
	return p
}

// Every kind of grant in the API is declared under its name there, and a grant of it comes back as it was from
// the message to the declared kind, to the store, and all the way back.
func TestEveryKindOfGrant(t *testing.T) {
	var names []string
	for i := range kindsOfGrants().Len() {
		kind := kindsOfGrants().Get(i)
		name := string(kind.Name())
		names = append(names, name)
		sent := sampleGrant(kind)
		g := toGrant(sent)
		if g == nil || g.Kind() != name {
			t.Errorf("a %s of the API is %v", name, g)
			continue
		}
		stored, err := json.Marshal(grant.List{g})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var read grant.List
		if err := json.Unmarshal(stored, &read); err != nil {
			t.Errorf("%s: %v", stored, err)
			continue
		}
		if diff := cmp.Diff(sent, fromGrant(read[0]), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-sent +shown):\n%s", name, diff)
		}
	}
	if declared := grant.Kinds(); !slices.Equal(declared, names) {
		t.Errorf("package grant declares %v, the API has %v", declared, names)
	}
}
