//go:build linux

package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// pod runs what a pod's container runs, as a kubelet would as far as that can be done without a container: in the image's root folder,
// as its user, with its mounts, its environment and its memory limit.
type pod struct {
	*testing.T
	image     *testkit.Image
	container corev1.Container
	spec      corev1.PodSpec
	own       bool   // it has a network of its own, so that its ports are free
	group     string // of the memory limit; empty: there is none

	process *exec.Cmd
	log     *output
	ended   chan struct{}
	err     error // of the process
}

// output is what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newPod makes what a pod of the chart needs.
func newPod(t *testing.T, v values) *pod {
	objects := render(t, v)
	set := statefulSet(t, objects)
	root, err := os.MkdirTemp("", "pod") //nolint:usetesting // its socket needs a short path
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{T: t, image: testkit.NewImage(t, root, "../../deploy/Dockerfile"), spec: set.Spec.Template.Spec}
	p.container = p.spec.Containers[0]
	t.Cleanup(func() {
		if !p.mounted() { // never through a mount
			_ = os.RemoveAll(root)
		}
	})
	for _, e := range p.container.Env {
		p.image.Env = append(p.image.Env, e.Name+"="+e.Value)
	}
	p.mount(objects, set)
	if p.own = p.system(); p.own {
		p.group = memoryGroup(t, p.container.Resources.Limits.Memory().Value())
	}
	return p
}

// system mounts what every container has of the system, by which the daemon knows its limit. It reports false if that can't be done here.
func (p *pod) system() bool {
	for _, path := range []string{"/proc", "/sys"} {
		dir := p.image.Folder(p.T, path)
		if err := syscall.Mount(path, dir, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			p.Logf("without the memory limit: mounting %s: %v", path, err)
			return false
		}
		p.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
	return true
}

// mounted reports whether something of the system is still mounted.
func (p *pod) mounted() bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	return err != nil || strings.Contains(string(mounts), p.image.Root+"/")
}

// mount makes the container's mounts.
func (p *pod) mount(objects []object, set *appsv1.StatefulSet) {
	p.Helper()
	volumes := map[string]corev1.Volume{}
	for _, v := range p.spec.Volumes {
		volumes[v.Name] = v
	}
	for _, claim := range set.Spec.VolumeClaimTemplates {
		volumes[claim.Name] = corev1.Volume{}
	}
	for _, m := range p.container.VolumeMounts {
		v, ok := volumes[m.Name]
		switch {
		case !ok:
			p.Errorf("there is no volume %s", m.Name)
		case v.ConfigMap != nil:
			p.files(filepath.Dir(m.MountPath), as[corev1.ConfigMap](p.T, objects, "ConfigMap", v.ConfigMap.Name).Data, 0o644)
		case v.Secret != nil && strings.HasSuffix(v.Secret.SecretName, "-tls"):
			p.certificate(m.MountPath)
		case v.Secret != nil:
			data := map[string]string{}
			for key, value := range as[corev1.Secret](p.T, objects, "Secret", v.Secret.SecretName).Data {
				data[key] = string(value)
			}
			p.files(m.MountPath, data, os.FileMode(*v.Secret.DefaultMode)) //nolint:gosec // it is a mode
		default:
			p.image.Own(p.T, p.image.Folder(p.T, m.MountPath))
		}
	}
}

// files mounts files that root has and the pod's group may read, as its fsGroup says.
func (p *pod) files(inside string, data map[string]string, mode os.FileMode) {
	p.Helper()
	dir := p.image.Folder(p.T, inside)
	for name, text := range data {
		path := filepath.Join(dir, name)
		write(p.T, path, text, mode)
		if err := os.Chown(path, 0, imageUser); err != nil {
			p.Fatal(err)
		}
	}
}

// certificate mounts what cert-manager would have made.
func (p *pod) certificate(inside string) {
	p.Helper()
	authority, dir := testkit.NewAuthority(p.T), p.T.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	authority.Issue("reactord", cert, key)
	data := map[string]string{}
	for name, path := range map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": authority.File} {
		text, err := os.ReadFile(path)
		if err != nil {
			p.Fatal(err)
		}
		data[name] = string(text)
	}
	p.files(inside, data, 0o440)
}

// memoryGroup makes a control group with a limit; empty if that can't be done here.
func memoryGroup(t *testing.T, limit int64) string {
	t.Helper()
	for parent, file := range map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"} {
		dir := filepath.Join(parent, "reactord-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil { //nolint:gosec // it is a control group
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(limit, 10)), 0o600) == nil {
			return dir
		}
	}
	t.Log("without the memory limit: no control group can be made here")
	return ""
}

// command runs a command in the container, as exec does.
func (p *pod) command(args ...string) *exec.Cmd {
	return p.image.Command(p.Context(), args[0], args[1:]...)
}

// start starts the container.
func (p *pod) start() {
	p.Helper()
	p.log, p.ended = &output{}, make(chan struct{})
	args := append([]string{"reactord"}, p.container.Args...)
	p.process = p.command(args...)
	if p.group != "" { // a shell enters the group, and becomes the daemon
		script := `echo $$ > "$0/cgroup.procs" && exec chroot --userspec=` + fmt.Sprintf("%d:%d", imageUser, imageUser) + ` "$@"`
		p.process = exec.CommandContext(p.Context(), "sh", append([]string{"-c", script, p.group, p.image.Root, "/usr/bin/reactord"}, args[1:]...)...) //nolint:gosec // it is ours
		p.process.Env = append(p.image.Env, "PATH="+os.Getenv("PATH"))
		p.process.SysProcAttr = &syscall.SysProcAttr{}
	}
	if p.own {
		p.process.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	p.process.Stdout, p.process.Stderr = p.log, p.log
	if err := p.process.Start(); err != nil {
		p.Fatal(err)
	}
	process, ended := p.process, p.ended
	go func() {
		p.err = process.Wait()
		close(ended)
	}()
}

// probe reports whether a probe succeeds.
func (p *pod) probe(probe *corev1.Probe) bool {
	ctx, cancel := context.WithTimeout(p.Context(), time.Duration(probe.TimeoutSeconds)*time.Second)
	defer cancel()
	return p.image.Command(ctx, probe.Exec.Command[0], probe.Exec.Command[1:]...).Run() == nil
}

// awaitStart probes until the container has started, as often as the kubelet would.
func (p *pod) awaitStart() {
	p.Helper()
	p.until("the startup probe succeeds", func() bool { return p.probe(p.container.StartupProbe) })
}

func (p *pod) until(what string, met func() bool) {
	p.Helper()
	for end := time.Now().Add(patience); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("in vain: %s\n%s", what, p.log)
		}
	}
}

// hook runs the hook before a stop.
func (p *pod) hook() {
	p.Helper()
	if out, err := p.command(p.container.Lifecycle.PreStop.Exec.Command...).CombinedOutput(); err != nil {
		p.Errorf("the hook: %v\n%s", err, out)
	}
}

// stop ends the container as a kubelet does: it kills what has not ended within the grace period.
func (p *pod) stop() {
	p.Helper()
	grace := time.NewTimer(time.Duration(*p.spec.TerminationGracePeriodSeconds) * time.Second)
	defer grace.Stop()
	p.hook()
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	select {
	case <-p.ended:
		if p.err != nil {
			p.Errorf("the container ended with %v\n%s", p.err, p.log)
		}
	case <-grace.C:
		p.kill()
		p.Errorf("the container did not end within the grace period\n%s", p.log)
	}
}

func (p *pod) kill() {
	_ = p.process.Process.Kill()
	<-p.ended
}

// ctl runs reactorctl in the container and returns what it prints.
func (p *pod) ctl(args ...string) string {
	p.Helper()
	out, err := p.command(append([]string{"reactorctl"}, args...)...).CombinedOutput()
	if err != nil {
		p.Fatalf("reactorctl %q: %v\n%s\n%s", args, err, out, p.log)
	}
	return string(out)
}

// json runs reactorctl, which prints JSON.
func (p *pod) json(into any, args ...string) {
	p.Helper()
	if err := json.Unmarshal([]byte(p.ctl(args...)), into); err != nil {
		p.Error(err)
	}
}

// guest puts the sleeper into the container.
func (p *pod) guest() {
	p.Helper()
	write(p.T, filepath.Join(p.image.Root, "sleeper.wasm"), string(examples.Sleeper), 0o444)
}

// TestPod: a pod starts, is ready and live, knows its limits, drains within its grace period and goes on with its work after a restart.
func TestPod(t *testing.T) {
	p := newPod(t, values{
		"leaveSeconds": 1, "gracePeriodSeconds": 1, "resources": values{"limits": values{"memory": "1Gi"}},
		"guestPorts": []any{values{"name": "web", "port": 8000}}, "config": values{"allow-listen": []any{"0.0.0.0:8000"}},
	})
	p.guest()
	p.start()
	defer p.kill()
	p.awaitStart()
	if !p.probe(p.container.ReadinessProbe) || !p.probe(p.container.LivenessProbe) {
		t.Errorf("it is not ready and live\n%s", p.log)
	}
	if p.group != "" {
		var node struct{ MemoryBytes string }
		p.json(&node, "node", "-o", "json")
		if node.MemoryBytes != strconv.Itoa(1<<30/4*3) {
			t.Errorf("guests may have %+v, want three quarters of the limit", node)
		}
	}
	if out, err := p.command("reactord", "token").CombinedOutput(); err != nil || len(strings.TrimSpace(string(out))) < 32 {
		t.Errorf("the token for clients: %v\n%s", err, out)
	}
	run := []string{"run", "/sleeper.wasm", "1", "1"}
	if p.own { // the port is free
		run = append([]string{"run", "--listen=0.0.0.0:8000"}, run[1:]...)
	}
	if out := p.ctl(run...); !strings.HasPrefix(out, "slept well") {
		t.Errorf("a guest printed %q", out)
	}
	p.ctl("submit", "--id", "long", "/sleeper.wasm", "1000", "20")
	go func() {
		p.until("it drains", func() bool { return !p.probe(p.container.ReadinessProbe) })
		if !p.probe(p.container.LivenessProbe) && p.process.ProcessState == nil {
			select {
			case <-p.ended:
			default:
				t.Error("it is not live while it drains")
			}
		}
	}()
	p.stop()
	if p.probe(p.container.LivenessProbe) {
		t.Error("it is live after its end")
	}
	p.start()
	p.awaitStart()
	p.ctl("cancel", "long") // it has not ended, and is not lost
	p.stop()
}

// TestPodKilledInEveryPhase kills pods while they start, run, and drain: what was acknowledged is there afterwards, and ends.
func TestPodKilledInEveryPhase(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 6
	}
	p := newPod(t, values{"leaveSeconds": 1, "gracePeriodSeconds": 1})
	p.guest()
	var acknowledged []string
	for round := range rounds {
		p.start()
		switch round % 3 {
		case 0: // while it starts
			time.Sleep(rand.N(150 * time.Millisecond)) //nolint:gosec // any moment
		case 1: // while it takes work
			p.awaitStart()
			acknowledged = append(acknowledged, p.submitUntilKilled(round)...)
		case 2: // while it drains
			p.awaitStart()
			id := fmt.Sprintf("drained-%d", round)
			p.ctl("submit", "--id", id, "/sleeper.wasm", "100", "2")
			acknowledged = append(acknowledged, id)
			go func() { _ = p.command(p.container.Lifecycle.PreStop.Exec.Command...).Run() }()
			time.Sleep(rand.N(200 * time.Millisecond)) //nolint:gosec // any moment
			_ = p.process.Process.Signal(syscall.SIGTERM)
			time.Sleep(rand.N(500 * time.Millisecond)) //nolint:gosec // any moment
		}
		p.kill()
	}
	p.start()
	defer p.kill()
	p.awaitStart()
	for _, id := range acknowledged {
		p.ctl("wait", id)
	}
	p.stop()
	t.Logf("%d rounds, %d workloads acknowledged", rounds, len(acknowledged))
}

// submitUntilKilled submits until the daemon is killed at some moment, and returns what was acknowledged.
func (p *pod) submitUntilKilled(round int) (acknowledged []string) {
	killing := time.AfterFunc(rand.N(400*time.Millisecond), func() { _ = p.process.Process.Kill() }) //nolint:gosec // any moment
	defer killing.Stop()
	for n := 0; ; n++ {
		id := fmt.Sprintf("round-%d-%d", round, n)
		if p.command("reactorctl", "submit", "--reconnect=0s", "--id", id, "/sleeper.wasm", "10", "2").Run() != nil {
			return acknowledged
		}
		acknowledged = append(acknowledged, id)
	}
}
