package runcmd

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sidecarTime is how long the sidecar may take beyond what it was given to drain.
const sidecarTime = 20 * time.Second

// sameSignal is for how long signals after the first count as that one: timeout
// and other programs send one to a process and to its group.
const sameSignal = 500 * time.Millisecond

// runID is the variable that marks the processes of one unit, see the package's comment.
const runID = "BERTH_RUN_ID"

// unit is a sidecar and an application that run together.
type unit struct {
	*options
	screen     *screen
	say        func(format string, args ...any)
	id         string // the value of runID
	http, grpc string // addresses of the API

	sidecar, app *process
	pipe         *os.File // the end that only we hold, see the package's comment
	readyPipe    *os.File // gets a line from the sidecar when it is ready
}

// run runs the sidecar and the application until both have ended.
func (o *options) run(stdout, stderr io.Writer) error {
	out := &screen{out: stdout}
	u := &unit{options: o, screen: out, id: rand.Text()}
	u.say = func(format string, args ...any) {
		out.mu.Lock()
		defer out.mu.Unlock()
		fmt.Fprintf(stdout, format+"\n", args...)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	if err := u.startSidecar(); err != nil {
		return err
	}
	defer u.pipe.Close()
	var got os.Signal
	ready := make(chan bool, 1)
	go func() {
		ready <- u.waitSidecar()
		_ = u.readyPipe.Close()
	}()
	select {
	case ok := <-ready:
		if !ok {
			<-u.sidecar.done
			break
		}
		if err := u.startApp(); err != nil {
			u.stopSidecar(nil)
			return err
		}
		u.announce()
		got = u.wait(signals)
	case got = <-signals:
	}
	return u.finish(got, signals)
}

// wait returns when one of the two has ended, or with the signal that asks for the end.
func (u *unit) wait(signals <-chan os.Signal) os.Signal {
	var app <-chan struct{}
	if u.app != nil {
		app = u.app.done
	}
	select {
	case <-app:
	case <-u.sidecar.done:
	case sig := <-signals:
		return sig
	}
	return nil
}

// finish ends the application and then the sidecar, which the application may
// need until then. Another signal kills both.
func (u *unit) finish(got os.Signal, signals <-chan os.Signal) error {
	hurry := make(chan struct{})
	over := make(chan struct{})
	defer close(over)
	began := time.Now()
	go func() {
		for {
			select {
			case <-signals:
				if time.Since(began) > sameSignal {
					close(hurry)
					return
				}
			case <-over:
				return
			}
		}
	}()
	sidecarDied := u.sidecar.ended()
	if sidecarDied {
		u.say("berth: the sidecar has ended (%s)", u.sidecar.cmd.ProcessState)
	}
	sig := got
	if sig != os.Interrupt {
		sig = syscall.SIGTERM
	}
	u.app.stop(sig, u.grace, hurry)
	u.stopSidecar(hurry)
	switch {
	case u.app != nil:
		u.say("berth: the application has ended (%s)", u.app.cmd.ProcessState)
		if code := exitCode(u.app.cmd.ProcessState); code != 0 {
			return &ExitError{code}
		}
		if sidecarDied {
			return &ExitError{1}
		}
	case exitCode(u.sidecar.cmd.ProcessState) != 0:
		return &ExitError{1}
	}
	return nil
}
