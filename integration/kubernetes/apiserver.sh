#!/usr/bin/env bash
# Builds kube-apiserver and etcd from the Go module proxy into the folder that is named, for the tests of this package:
#
#   ./apiserver.sh DIR && KUBE_APISERVER_DIR=DIR go test -run TestAPIServer .
#
# It takes about ten minutes of two processors, and 4 GB of disk for sources and Go's build cache.
set -euo pipefail
kubernetes=v1.36.3 etcd=v3.6.16
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# The module of Kubernetes has its libraries beside it, which the proxy serves by themselves.
cp -r "$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" "$work/kubernetes"
chmod -R u+w "$work/kubernetes"
(
  cd "$work/kubernetes"
  rm -f go.work go.work.sum
  for library in $(sed -n 's|^\t*\(replace \)\?\(k8s.io/[^ ]*\) => ./staging/.*|\2|p' go.mod); do
    go mod edit -replace="$library=$library@v0${kubernetes#v1}"
  done
  minor=${kubernetes#v1.} version=k8s.io/component-base/version # by which Helm tells whether a chart can be installed
  CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath \
    -ldflags "-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}" \
    -o "$dir/kube-apiserver" ./cmd/kube-apiserver
)

mkdir "$work/etcd"
(
  cd "$work/etcd"
  cat > main.go <<'GO'
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
GO
  go mod init example.org/etcd
  go get "go.etcd.io/etcd/server/v3@$etcd"
  CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -o "$dir/etcd" .
)
ls -l "$dir"
