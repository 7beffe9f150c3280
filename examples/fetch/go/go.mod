module github.com/reactord/reactord/examples/fetch/go

go 1.26.0

require github.com/stealthrocket/net v0.2.1
