// Cluster is the experiment of the article of 2020 on a Kubernetes cluster that
// consists of processes of this machine: `make verify-cluster` is its door.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"registration.example/cluster/experiment"
	"registration.example/local/proc"
	"registration.example/local/system"
)

// What the process ends with.
const (
	statusOK    = 0
	statusWrong = 1 // the run broke what it should keep
	statusUsage = 2 // there was no verdict
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == proc.GuardCommand {
		proc.RunGuard(os.Stdin, os.Args[2])
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(start(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// start reads the settings, does one run and says with which status to end.
func start(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	run, o, err := readSettings(args, getenv, stderr)
	if err == nil {
		err = complete(&o)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "cluster:", err)
		return statusUsage
	}
	o.Out = stdout
	ok, err := run(ctx, o)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "cluster:", err)
		return statusUsage
	case !ok:
		return statusWrong
	default:
		return statusOK
	}
}

// runs are what can be run.
var runs = map[string]func(context.Context, experiment.Options) (bool, error){
	"real":     services,
	"large":    large,
	"settings": settings,
	"draw":     draw,
}

func services(ctx context.Context, o experiment.Options) (bool, error) {
	result, err := experiment.Real(ctx, o)
	if o.LagOnly {
		return judged(o, experiment.LagOnlyFile, result, err)
	}
	return judged(o, experiment.RealFile, result, err)
}

func large(ctx context.Context, o experiment.Options) (bool, error) {
	result, err := experiment.Large(ctx, o)
	return judged(o, experiment.LargeFile, result, err)
}

// judged tells and keeps what a run has shown.
func judged(o experiment.Options, file experiment.File, result experiment.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	_, _ = io.WriteString(o.Out, result.Text())
	return result.Verdict.OK(), experiment.Keep(o.Results, file, result)
}

// settings compares; that one of them swings is no failure.
func settings(ctx context.Context, o experiment.Options) (bool, error) {
	results, err := experiment.Settings(ctx, o)
	if err != nil {
		return false, err
	}
	_, _ = io.WriteString(o.Out, "\n"+experiment.Table(results))
	return true, experiment.Keep(o.Results, experiment.SettingsFile, results...)
}

// draw draws the records again that are there.
func draw(_ context.Context, o experiment.Options) (bool, error) {
	return true, experiment.Draw(o.Results)
}

const usage = `Starts a Kubernetes control plane with KEDA and Dapr as processes of this machine, puts load on the system,
records what happens, and judges. The first time it builds these programs: about 20 minutes on 2 cores.

`

// readSettings reads the environment, then args over it.
func readSettings(args []string, getenv func(string) string, stderr io.Writer) (func(context.Context, experiment.Options) (bool, error), experiment.Options, error) {
	var o experiment.Options
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		flags.PrintDefaults()
	}
	name := flags.String("run", cmp.Or(getenv("RUN"), "real"), "what is run: real, large, settings, or draw, which draws the records of -out again (RUN)")
	profile := flags.String("profile", cmp.Or(getenv("PROFILE"), "embedded"), "broker: embedded, or kafka for an Apache Kafka (PROFILE)")
	scaling := flags.String("scaling", cmp.Or(getenv("SCALING"), "default"), "default: as in k8s/base; lag: by the lag alone (SCALING)")
	flags.IntVar(&o.PortBase, "port-base", 26000, "first of the ports")
	flags.StringVar(&o.Results, "out", "", "folder of the records; default .local/cluster/results")
	if err := flags.Parse(args); err != nil {
		return nil, o, err
	}
	run, known := runs[*name]
	if !known || flags.NArg() > 0 || (*profile != "embedded" && *profile != "kafka") || (*scaling != "default" && *scaling != "lag") {
		return nil, o, errors.New("unknown setting; -h explains them")
	}
	o.Kafka, o.LagOnly = *profile == "kafka", *scaling == "lag"
	return run, o, nil
}

// complete finds the folders.
func complete(o *experiment.Options) (err error) {
	if o.Root, err = system.FindRoot(); err != nil {
		return err
	}
	o.Folder = filepath.Join(o.Root, ".local", "cluster", "run")
	if o.Results == "" {
		o.Results = filepath.Join(o.Root, ".local", "cluster", "results")
	}
	if o.Guard, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return nil
}
