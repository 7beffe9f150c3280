// Package kubernetes tests what deploy has for Kubernetes: the Helm chart and the kustomize base are rendered by the libraries of
// those tools and decoded strictly, a pod's command is run as its manifest says (user, environment, mounts, memory limit, probes,
// hooks), and every object is applied to an API server where there is one (KUBE_APISERVER_DIR; apiserver.sh builds it).
//
// It is a module of its own, so that the dependencies of those tools are not the daemon's.
package kubernetes
