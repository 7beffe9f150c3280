// Package monitoring has no code but tests: what deploy/ has for Prometheus and Grafana asks for what a daemon really tells.
//
// It is a module of its own, since Prometheus's parser of queries would add many lines to the daemon's go.sum and decide
// about versions of what the daemon links.
package monitoring
