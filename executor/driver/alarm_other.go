//go:build !linux

package driver

func newAlarm() alarm { return newGoAlarm() }
