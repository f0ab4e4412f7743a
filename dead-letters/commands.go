package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"registration.example/dead-letters/deadletter"
)

// answerTimeout bounds the whole command.
const answerTimeout = time.Minute

// run does what the command says.
func run(ctx context.Context, s settings, out io.Writer) error {
	if len(s.command) == 1 && s.command[0] == "wait" {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	box, err := deadletter.Open(ctx, s.kafka)
	if err != nil {
		return err
	}
	defer box.Close()
	switch c := s.command; {
	case len(c) == 0, len(c) == 1 && c[0] == "list":
		return list(ctx, box, out)
	case len(c) == 2 && c[0] == "show":
		return show(ctx, box, c[1], out)
	case len(c) == 2 && c[0] == "replay" && strings.TrimLeft(c[1], "-") == "all":
		return replayAll(ctx, box, out)
	case len(c) == 2 && c[0] == "replay":
		return replay(ctx, box, c[1], out)
	default:
		return errUsage
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
