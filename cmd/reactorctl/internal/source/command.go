package source

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// killDelay is how long a build that is ended may take to clean up.
const killDelay = 5 * time.Second

// Command returns a command that is ended with all that it has started when ctx ends: a build runs compilers, which run
// linkers. It gets an interrupt, so that it removes its temporary files, and is killed if that does not help. It cannot
// read the terminal.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = killDelay
	return cmd
}

// Run runs a command of Command. Its output goes to progress.
func Run(ctx context.Context, cmd *exec.Cmd, progress io.Writer) error {
	cmd.Stdout, cmd.Stderr = progress, progress
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what the interrupt left; mostly there is nothing
		return ctx.Err()
	}
	return err
}

// goCommand returns a go command for wasip1 in a folder.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := Command(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	return cmd
}
