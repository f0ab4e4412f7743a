package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"registration.example/approval-service/approval"
	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

// approver gives verdicts. It keeps nothing.
type approver struct {
	rule   approval.Rule
	delay  time.Duration
	broker sidecar.Publisher
	counts *prometheus.CounterVec
	logger *slog.Logger
}

// handle consumes user-approve: each verdict takes delay, one after the other.
func (a *approver) handle(ctx context.Context, requests []messages.Event[messages.UserApprove]) error {
	responses := make([]sidecar.Message, len(requests))
	for i, request := range requests {
		verdict, err := a.decide(ctx, request)
		if err != nil {
			return err
		}
		a.decided(ctx, request, verdict)
		if responses[i], err = respond(request, verdict); err != nil {
			return err
		}
	}
	return a.broker.Publish(ctx, service.PubSub, string(messages.UserApproveResponseTopic), responses)
}

func (a *approver) decide(ctx context.Context, request messages.Event[messages.UserApprove]) (approval.Verdict, error) {
	if approval.Late(request.Deadline, time.Now()) {
		return approval.Verdict{Failure: approval.DeadlinePassed}, nil
	}
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-ctx.Done():
			return approval.Verdict{}, context.Cause(ctx)
		}
	}
	return a.rule.Decide(request.Data.User.Name), nil
}

// What became of a request, as the label of approvals_total.
const (
	resultApproved = "approved"
	resultDenied   = "denied"
	resultFailed   = "failed"
)

func (a *approver) decided(ctx context.Context, request messages.Event[messages.UserApprove], verdict approval.Verdict) {
	result := resultApproved
	switch {
	case verdict.Failure != "":
		result = resultFailed
	case !verdict.Approved:
		result = resultDenied
	}
	a.counts.WithLabelValues(result).Inc()
	a.logger.LogAttrs(ctx, slog.LevelInfo, "approval "+result,
		slog.String("operation_id", request.OperationID.String()), slog.String("trace_id", messages.TraceID(request.TraceParent)),
		slog.String("failure", verdict.Failure))
}

func respond[T messages.Payload](request messages.Event[T], verdict approval.Verdict) (sidecar.Message, error) {
	record, err := messages.Encode(messages.Event[messages.UserApproveResponse]{
		OperationID: request.OperationID,
		Source:      Name,
		Time:        time.Now().UTC(),
		Deadline:    request.Deadline,
		TraceParent: request.TraceParent,
		Data: messages.UserApproveResponse{
			UserID: messages.UserID(request.OperationID), Approved: verdict.Approved, Failure: verdict.Failure,
		},
	})
	return sidecar.Message{Key: request.OperationID.String(), Record: record}, err
}

// abandon answers for a request that went to the dead letters.
func (a *approver) abandon(ctx context.Context, request messages.Event[messages.UserApprove], reason string) error {
	response, err := respond(request, approval.Verdict{Failure: reason})
	if err != nil {
		return err
	}
	return a.broker.Publish(ctx, service.PubSub, string(messages.UserApproveResponseTopic), []sidecar.Message{response})
}
