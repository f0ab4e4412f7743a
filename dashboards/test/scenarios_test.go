package test

import "time"

// scenario is what Prometheus has seen, a sample a minute, and what an alert
// says of it in the end.
type scenario struct {
	alert, name string
	// series are in the notation of promtool: 0+5x10 is 0, 5, 10 ... 50, and _ no sample.
	series string
	until  time.Duration
	says   []string
}

const (
	letters     = `  kafka_topic_partition_current_offset{namespace="registration",topic="user-create-dead-letter",partition="0",pod="a"} `
	lettersToo  = `  kafka_topic_partition_current_offset{namespace="registration",topic="user-create-dead-letter",partition="0",pod="b"} `
	events      = `  kafka_topic_partition_current_offset{namespace="registration",topic="user-approve",partition="0"} `
	pending     = `  registration_operations_total{state="pending",pod="a"} `
	completed   = `  registration_operations_total{state="completed",pod="a"} `
	failed      = `  registration_operations_total{state="failed",pod="b"} `
	overloaded  = `  registration_problems_total{code="overloaded"} `
	unavailable = `  registration_problems_total{code="unavailable"} `
	noSuchUser  = `  registration_problems_total{code="unknown-user"} `
	lag         = `  kafka_consumergroup_lag{namespace="registration",consumergroup="approval-service",topic="user-approve",partition="0",pod="a"} `
	lagToo      = `  kafka_consumergroup_lag{namespace="registration",consumergroup="approval-service",topic="user-approve",partition="0",pod="b"} `
	otherLag    = `  kafka_consumergroup_lag{namespace="registration",consumergroup="approval-service",topic="user-approve",partition="1",pod="a"} `
	committed   = `  kafka_consumergroup_current_offset{namespace="registration",consumergroup="approval-service",topic="user-approve",partition="0",pod="a"} `
	others      = `  kafka_consumergroup_current_offset{namespace="registration",consumergroup="approval-service",topic="user-approve",partition="1",pod="a"} `
	spec        = `  kube_deployment_spec_replicas{namespace="registration",deployment="user-service"} `
	ready       = `  kube_deployment_status_replicas_ready{namespace="registration",deployment="user-service"} `
	current     = `  kube_horizontalpodautoscaler_status_current_replicas{namespace="registration",horizontalpodautoscaler="approval-service"} `
	desired     = `  kube_horizontalpodautoscaler_status_desired_replicas{namespace="registration",horizontalpodautoscaler="approval-service"} `
	atMost      = `  kube_horizontalpodautoscaler_spec_max_replicas{namespace="registration",horizontalpodautoscaler="approval-service"} `
	restarts    = `  kube_pod_container_status_restarts_total{namespace="registration",pod="approval-service-1",container="daprd"} `
	elsewhere   = `  kube_pod_container_status_restarts_total{namespace="other",pod="x",container="daprd"} `
)

var scenarios = []scenario{
	{"DeadLetters", "the first one", letters + "0x9 1x20", 15 * time.Minute, []string{"Events could not be processed: there are new records on user-create-dead-letter."}},
	{"DeadLetters", "two exporters, one alert", letters + "0x9 1x20\n" + lettersToo + "0x9 1x20", 15 * time.Minute, []string{"Events could not be processed: there are new records on user-create-dead-letter."}},
	{"DeadLetters", "old ones", letters + "7x120", 2 * time.Hour, nil},
	{"DeadLetters", "an hour later", letters + "0x9 1x120", 75 * time.Minute, nil},
	{"DeadLetters", "ordinary events", events + "0+5x120", 30 * time.Minute, nil},
	{"DeadLetters", "an exporter that was started again", letters + "7x10 _x10\n" + lettersToo + "_x10 7x20", 20 * time.Minute, nil},

	{"OperationsDoNotEnd", "none ends", pending + "0+60x60\n" + completed + "0x60\n" + failed + "0x60", 20 * time.Minute, []string{"Operations are accepted, and none has ended for 10 minutes."}},
	{"OperationsDoNotEnd", "none is there that could end them", pending + "0+60x60", 20 * time.Minute, []string{"Operations are accepted, and none has ended for 10 minutes."}},
	{"OperationsDoNotEnd", "they end", pending + "0+60x60\n" + completed + "0+50x60", 20 * time.Minute, nil},
	{"OperationsDoNotEnd", "they fail, which is an end", pending + "0+60x60\n" + failed + "0+60x60", 20 * time.Minute, nil},
	{"OperationsDoNotEnd", "nothing to do", pending + "60x60\n" + completed + "60x60", 20 * time.Minute, nil},
	{"OperationsDoNotEnd", "for a while", pending + "0+60x60\n" + completed + "0x9 0+60x60", 20 * time.Minute, nil},

	{"PartitionStandsStill", "one does", lag + "9x60\n" + committed + "100x60\n" + otherLag + "9x60\n" + others + "0+5x60", 20 * time.Minute, []string{"approval-service makes no progress on partition 0 of user-approve, where 9 records wait."}},
	{"PartitionStandsStill", "as two exporters see it", lag + "9x60\n" + lagToo + "9x60\n" + committed + "100x60", 20 * time.Minute, []string{"approval-service makes no progress on partition 0 of user-approve, where 9 records wait."}},
	{"PartitionStandsStill", "slow, but it goes on", lag + "500x60\n" + committed + "0x8 8x8 16x8 24x8 32x8", 35 * time.Minute, nil},
	{"PartitionStandsStill", "nothing to do", lag + "0x60\n" + committed + "100x60", 20 * time.Minute, nil},

	{"ServiceHasNoReplica", "none is ready", spec + "2x60\n" + ready + "2x5 0x55", 10 * time.Minute, []string{"user-service has no ready replica, and should have 2."}},
	{"ServiceHasNoReplica", "one is ready", spec + "2x60\n" + ready + "1x60", 10 * time.Minute, nil},
	{"ServiceHasNoReplica", "none is wanted", spec + "0x60\n" + ready + "0x60", 10 * time.Minute, nil},
	{"ServiceHasNoReplica", "for a minute", spec + "2x60\n" + ready + "2x8 0x55", 10 * time.Minute, nil},

	{"ClientsAreRefused", "for want of room", pending + "0+100x60\n" + overloaded + "0+100x60\n" + unavailable + "0x60", 15 * time.Minute, []string{"50% of requests are refused: overloaded."}},
	{"ClientsAreRefused", "everything fails", pending + "100x60\n" + overloaded + "0x60\n" + unavailable + "0+10x60", 15 * time.Minute, []string{"100% of requests are refused: unavailable."}},
	{"ClientsAreRefused", "few", pending + "0+100x60\n" + overloaded + "0+4x60", 15 * time.Minute, nil},
	{"ClientsAreRefused", "by their own fault", pending + "0+100x60\n" + noSuchUser + "0+1000x60\n" + overloaded + "0x60", 15 * time.Minute, nil},
	{"ClientsAreRefused", "nobody asks", pending + "0x60\n" + overloaded + "0x60", 15 * time.Minute, nil},

	{"ApprovalsAtTheirLimit", "and more come than are decided", lag + "0+500x60\n" + current + "120x60\n" + atMost + "120x60", 30 * time.Minute, []string{"15000 users wait for a verdict, and do not get fewer with as many replicas as there may be."}},
	{"ApprovalsAtTheirLimit", "two exporters are no more users", lag + "0+500x60\n" + lagToo + "0+500x60\n" + current + "120x60\n" + atMost + "120x60", 30 * time.Minute, []string{"15000 users wait for a verdict, and do not get fewer with as many replicas as there may be."}},
	{"ApprovalsAtTheirLimit", "and catch up", lag + "60000-500x60\n" + current + "120x60\n" + atMost + "120x60", 30 * time.Minute, nil},
	{"ApprovalsAtTheirLimit", "and keep up", lag + "500x60\n" + current + "120x60\n" + atMost + "120x60", 30 * time.Minute, nil},
	{"ApprovalsAtTheirLimit", "not yet", lag + "0+500x60\n" + current + "60x60\n" + atMost + "120x60", 30 * time.Minute, nil},

	{"ApprovalsDoNotScale", "nobody asks for more", lag + "0+500x60\n" + desired + "2x60\n" + atMost + "120x60", 20 * time.Minute, []string{"10000 users wait for a verdict, and the autoscaler does not ask for more replicas."}},
	{"ApprovalsDoNotScale", "they do", lag + "0+500x60\n" + desired + "2+30x3 120x60\n" + atMost + "120x60", 20 * time.Minute, nil},
	{"ApprovalsDoNotScale", "no need", lag + "8x60\n" + desired + "2x60\n" + atMost + "120x60", 20 * time.Minute, nil},

	{"RestartsAgainAndAgain", "a sidecar", restarts + "0 0 1 1 1 1 2 2 2 2 3 3 3 3 4x60", 20 * time.Minute, []string{"daprd of approval-service-1 was restarted 4 times within 30 minutes."}},
	{"RestartsAgainAndAgain", "once", restarts + "0x9 1x60", 20 * time.Minute, nil},
	{"RestartsAgainAndAgain", "somebody else's", elsewhere + "0+1x60", 20 * time.Minute, nil},

	{"MetricsAreMissing", "all of them", `  up 1x60`, 20 * time.Minute, []string{
		"There are no metrics of operation-service.", "There are no metrics of the autoscaler of approval-service.", "There are no metrics of the exporter of Kafka.",
	}},
	{"MetricsAreMissing", "Kafka's", pending + "0x60\n" + desired + "2x60", 20 * time.Minute, []string{"There are no metrics of the exporter of Kafka."}},
	{"MetricsAreMissing", "none", events + "0x60\n" + pending + "0x60\n" + desired + "2x60", 20 * time.Minute, nil},
	{"MetricsAreMissing", "for a while", events + "0x5 _x10 0x50\n" + pending + "0x60\n" + desired + "2x60", 15 * time.Minute, nil},
}
