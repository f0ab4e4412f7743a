package experiment

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

var errMongoURI = errors.New("the address of MongoDB is not like mongodb://host:port/?replicaSet=rs0, with one host")

// mongoAddr is the host and port in a connection string.
func mongoAddr(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "mongodb" || u.Hostname() == "" || strings.Contains(u.Host, ",") {
		return "", errMongoURI
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "27017"), nil
	}
	return u.Host, nil
}

// viaProxy is the same connection string with another address. A direct
// connection asks nobody where the members of the replica set really are.
func viaProxy(uri, addr string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	u.Host = addr
	query := u.Query()
	query.Set("directConnection", "true")
	u.RawQuery = query.Encode()
	return u.String()
}
