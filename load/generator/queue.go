package generator

import (
	"container/heap"

	"registration.example/load/ledger"
)

// fifo is a queue of operations by age. What is taken out is forgotten in
// steps, so that each operation is moved once on average.
type fifo struct {
	entries []*ledger.Entry
	head    int
}

func (q *fifo) len() int { return len(q.entries) - q.head }

func (q *fifo) first() *ledger.Entry { return q.entries[q.head] }

func (q *fifo) push(e *ledger.Entry) { q.entries = append(q.entries, e) }

func (q *fifo) pop() *ledger.Entry {
	e := q.entries[q.head]
	q.entries[q.head] = nil
	q.head++
	if q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	return e
}

// byDue is a heap of looks, the earliest first.
type byDue []look

func (q *byDue) push(l look) { heap.Push(q, l) }

func (q *byDue) pop() look {
	l, _ := heap.Pop(q).(look)
	return l
}

// Len, Less, Swap, Push and Pop are what container/heap asks for.
func (q *byDue) Len() int           { return len(*q) }
func (q *byDue) Less(i, j int) bool { return (*q)[i].due.Before((*q)[j].due) }
func (q *byDue) Swap(i, j int)      { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Push appends x.
func (q *byDue) Push(x any) {
	if l, ok := x.(look); ok {
		*q = append(*q, l)
	}
}

// Pop removes the last.
func (q *byDue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
