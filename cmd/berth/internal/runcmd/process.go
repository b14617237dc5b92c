package runcmd

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// pipeTime is how long after the end of a process its output may come from
// others that it left behind.
const pipeTime = 2 * time.Second

// process is a started program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its output was read
}

// start starts a program whose output goes to the screen.
func start(cmd *exec.Cmd, to *screen, prefix string) (*process, error) {
	stdout, stderr := &lines{to: to, prefix: prefix}, &lines{to: to, prefix: prefix}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, pipeTime
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // ProcessState says how it ended
		stdout.end()
		stderr.end()
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop sends the signal to the process and all that it started, and kills what
// has not ended after the given time or when hurry is closed.
func (p *process) stop(sig os.Signal, after time.Duration, hurry <-chan struct{}) {
	if p == nil {
		return
	}
	pid := p.cmd.Process.Pid
	// Once the leader is gone its number may be another's, but not as that of a
	// group while a member of this one lives, and a group without members is nobody.
	signalGroup(pid, sig)
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case <-p.done:
	case <-hurry:
	case <-t.C:
	}
	signalGroup(pid, syscall.SIGKILL)
	<-p.done
}
