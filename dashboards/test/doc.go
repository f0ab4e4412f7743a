// Package test proves what can be proved of dashboards/ without Grafana: that
// the dashboard is of Grafana's schema, that every query is one and asks for
// what exists, and that each alert fires when it should, and only then.
package test
