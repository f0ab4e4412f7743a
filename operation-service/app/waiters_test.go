package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/operation-service/operation"
)

func TestWaiters(t *testing.T) {
	t.Parallel()
	o := operation.New(uuid.New(), "hans", time.Now(), time.Hour, "")
	ended, _ := o.End(operation.Outcome{Failure: "first"})
	again := ended
	again.Error = "second"
	other, _ := operation.New(uuid.New(), "otto", time.Now(), time.Hour, "").End(operation.Outcome{Failure: "x"})
	cases := map[string]struct {
		tell []operation.Operation
		want []operation.Operation // what each of two waiters gets
	}{
		"nobody tells":            {nil, nil},
		"all are told":            {[]operation.Operation{ended}, []operation.Operation{ended, ended}},
		"only the first end":      {[]operation.Operation{ended, again, again}, []operation.Operation{ended, ended}},
		"not of other operations": {[]operation.Operation{other}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiters()
			first, leaveFirst := w.join(o.UUID)
			second, leaveSecond := w.join(o.UUID)
			gone, leave := w.join(o.UUID)
			leave()
			for _, ended := range c.tell {
				w.tell(ended)
			}
			var got []operation.Operation
			for _, channel := range []<-chan operation.Operation{first, second, gone} {
				select {
				case o := <-channel:
					got = append(got, o)
				default:
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			leaveFirst()
			leaveSecond()
			if len(w.channels) != 0 {
				t.Errorf("kept after all have left: %v", w.channels)
			}
		})
	}
}
