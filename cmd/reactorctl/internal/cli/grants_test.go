package cli

import (
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Every kind of grant in the API has a flag that makes one.
func TestEveryGrantHasAFlag(t *testing.T) {
	examples := map[string]string{"dir": "/srv/data:/data", "listen": "127.0.0.1:0", "connect": "127.0.0.1:80",
		"dial": "*.example.org:443", "resolve": "*.example.org", "http": "GET https://example.org/api", "secret": "KEY=env:KEY"}
	oneof := (&reactorv1.Grant{}).ProtoReflect().Descriptor().Oneofs().ByName("grant")
	flagOf := map[string]string{}
	for _, kind := range grantKinds() {
		grant, err := kind.parse(examples[kind.flag])
		if err != nil {
			t.Errorf("--%s %q, the example of this test: %v", kind.flag, examples[kind.flag], err)
			continue
		}
		flagOf[string(grant.ProtoReflect().WhichOneof(oneof).Name())] = kind.flag
	}
	for i := range oneof.Fields().Len() {
		if name := string(oneof.Fields().Get(i).Name()); flagOf[name] == "" {
			t.Errorf("no flag grants a %s", name)
		}
	}
}
