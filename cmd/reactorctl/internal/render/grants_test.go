package render

import (
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestGrant: a grant of each kind in the words of its flag. The page for browsers has its own code for that, and is tested with the
// same examples.
func TestGrant(t *testing.T) {
	file, err := os.ReadFile("testdata/grants.json")
	if err != nil {
		t.Fatal(err)
	}
	var examples []struct {
		Text  string
		Grant json.RawMessage
	}
	if err := json.Unmarshal(file, &examples); err != nil {
		t.Fatal(err)
	}
	oneof := (&reactorv1.Grant{}).ProtoReflect().Descriptor().Oneofs().ByName("grant")
	lacking := map[string]bool{}
	for i := range oneof.Fields().Len() {
		lacking[string(oneof.Fields().Get(i).Name())] = true
	}
	for _, example := range examples {
		var grant reactorv1.Grant
		if err := protojson.Unmarshal(example.Grant, &grant); err != nil {
			t.Fatalf("%s: %v", example.Text, err)
		}
		if got := Grant(&grant); got != example.Text {
			t.Errorf("%s is %s", example.Text, got)
		}
		delete(lacking, string(grant.ProtoReflect().WhichOneof(oneof).Name()))
	}
	if len(lacking) > 0 {
		t.Errorf("no examples of %v", lacking)
	}
}
