package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"registration.example/local/deadletter"
)

// answerTimeout bounds the whole command.
const answerTimeout = time.Minute

const deadLettersUsage = `usage: local dead-letters [-kafka HOST:PORT] [list | show ID | replay ID | replay --all]
`

var errDeadLettersUsage = errors.New(strings.TrimSpace(deadLettersUsage))

// deadLetters is `make dead-letters`.
func deadLetters(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("dead-letters", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprint(flags.Output(), deadLettersUsage)
		flags.PrintDefaults()
	}
	addr := flags.String("kafka", cmp.Or(os.Getenv("KAFKA_BROKERS"), "127.0.0.1:9092"), "the broker; default from KAFKA_BROKERS")
	if err := parse(flags, args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	box, err := deadletter.Open(ctx, *addr)
	if err != nil {
		return err
	}
	defer box.Close()
	switch args := flags.Args(); {
	case len(args) == 0, len(args) == 1 && args[0] == "list":
		return list(ctx, box, out)
	case len(args) == 2 && args[0] == "show":
		return show(ctx, box, args[1], out)
	case len(args) == 2 && args[0] == "replay" && strings.TrimLeft(args[1], "-") == "all":
		return replayAll(ctx, box, out)
	case len(args) == 2 && args[0] == "replay":
		return replay(ctx, box, args[1], out)
	default:
		return errDeadLettersUsage
	}
}

func list(ctx context.Context, box *deadletter.Box, out io.Writer) error {
	letters, err := box.List(ctx)
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		_, err := fmt.Fprintln(out, "no dead letters")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tTIME\tSOURCE\tOPERATION\tREPLAYED\tREASON")
	for _, l := range letters {
		_, _ = fmt.Fprintln(table, row(l))
	}
	return table.Flush()
}

func row(l deadletter.Letter) string {
	if l.Err != nil {
		return fmt.Sprintf("%s\t-\t-\t-\t-\tnot a dead letter: %v", l.ID(), l.Err)
	}
	replayed := "no"
	if l.Replayed {
		replayed = "yes"
	}
	return strings.Join([]string{
		l.ID(), l.Content.Time.Format(time.RFC3339), l.Content.Source, operationOf(l), replayed, l.Content.Reason,
	}, "\t")
}

func operationOf(l deadletter.Letter) string {
	if l.Content.OperationID == uuid.Nil {
		return "-"
	}
	return l.Content.OperationID.String()
}

func show(ctx context.Context, box *deadletter.Box, id string, out io.Writer) error {
	l, err := box.Show(ctx, id)
	if err != nil {
		return err
	}
	if l.Err != nil {
		return fmt.Errorf("%s: %w", l.ID(), l.Err)
	}
	_, err = fmt.Fprintf(out, "id         %s\ntime       %s\nsource     %s\noperation  %s\ntopic      %s\nkey        %s\nreplayed   %t\nreason     %s\nrecord     %q\n",
		l.ID(), l.Content.Time.Format(time.RFC3339Nano), l.Content.Source, operationOf(l),
		l.Content.Topic, l.Content.Key, l.Replayed, l.Content.Reason, l.Content.Record)
	return err
}

func replay(ctx context.Context, box *deadletter.Box, id string, out io.Writer) error {
	l, err := box.Show(ctx, id)
	if err != nil {
		return err
	}
	if err := box.Replay(ctx, l); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is on %s again\n", l.ID(), l.Content.Topic)
	return err
}

// replayAll replays what was not replayed yet.
func replayAll(ctx context.Context, box *deadletter.Box, out io.Writer) error {
	letters, err := box.List(ctx)
	if err != nil {
		return err
	}
	count := 0
	for _, l := range letters {
		if l.Replayed || l.Err != nil {
			continue
		}
		if err := box.Replay(ctx, l); err != nil {
			return err
		}
		count++
	}
	_, err = fmt.Fprintf(out, "replayed %d of %d dead letters; the others were replayed before or cannot be\n", count, len(letters))
	return err
}
