// Command cmd runs a real Apache Kafka by hand until Ctrl-C, for `dapr run -f
// .` on a machine without Docker:
//
//	go run ./kafka/cmd -port 9092
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"registration.example/e2e/kafka"
	"registration.example/local/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		orphaned(ctx)
		cancel()
	}()

	options := kafka.Options{Topics: topics{}}
	for _, t := range broker.Topics() {
		options.Topics[t.Name] = t.Partitions
	}
	flags := flag.NewFlagSet("kafka", flag.ExitOnError)
	flags.IntVar(&options.Port, "port", 9092, "port on 127.0.0.1; 0 for any that is free")
	flags.StringVar(&options.Dir, "dir", "../.local/kafka/broker", "folder of data and log, kept between runs")
	flags.StringVar(&options.Jars, "jars", "", "folder of Kafka's jars (default .local/kafka/jars of the repository)")
	flags.Var((*topics)(&options.Topics), "topics", "topics to make, as name:partitions,...")
	_ = flags.Parse(args) // ends the program when it fails

	begin := time.Now()
	server, err := kafka.Start(ctx, options)
	if err != nil {
		return err
	}
	fmt.Printf("Apache Kafka %s serves %s after %.1f s (process %d, folder %s); Ctrl-C ends it\n",
		kafka.Version, server.Addr(), time.Since(begin).Seconds(), server.PID(), options.Dir)
	select {
	case <-ctx.Done():
		return server.Stop()
	case <-server.Done():
		return fmt.Errorf("the broker ended by itself; see kafka.log in %s", options.Dir)
	}
}

// orphaned returns when the parent has ended: `go run` may be killed without a
// word to the program that it runs.
func orphaned(ctx context.Context) {
	parent := os.Getppid()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// topics is the flag's value: names and numbers of partitions.
type topics map[string]int32

// String lists the topics as the flag takes them.
func (t topics) String() string {
	list := make([]string, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		list = append(list, fmt.Sprintf("%s:%d", name, t[name]))
	}
	return strings.Join(list, ",")
}

// Set replaces the topics by those that the text lists.
func (t *topics) Set(text string) error {
	*t = topics{}
	for item := range strings.SplitSeq(text, ",") {
		name, number, found := strings.Cut(item, ":")
		partitions, err := strconv.ParseInt(number, 10, 32)
		if !found || name == "" || err != nil || partitions < 1 {
			return fmt.Errorf("%q is not name:partitions", item)
		}
		(*t)[name] = int32(partitions)
	}
	return nil
}
